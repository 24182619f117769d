"""Counting the values of a field here."""

import pytest

from nearfield.errors import InvalidInputError
from nearfield.stores.base import Facet
from nearfield.stores.facets import count_facets


def test_a_point_counts_once_for_each_of_its_values_by_type():
    metas = [{"a": [1, 1, True]}, {"a": 1.0}, {"a": {"b": 1}}, {}, {"a": "1"}]
    assert count_facets(metas, "a", 10) == [Facet(1.0, 2), Facet(True, 1), Facet("1", 1)]
    assert count_facets(metas, "a", 1) == [Facet(1.0, 2)]


def test_a_limit_below_one_is_refused_before_anything_is_read():
    def metas():
        pytest.fail("something was read")
        yield {}

    with pytest.raises(InvalidInputError, match="limit must be a whole number of at least 1, got 0"):
        count_facets(metas(), "a", 0)
