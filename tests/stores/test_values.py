"""Metadata without lists and objects is written and projected in one go, to the same as any other."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nearfield.stores.batches import TO_JSON
from nearfield.stores.values import project, write_flat

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.datetimes().map(str),
)


@given(st.dictionaries(st.text(), SCALARS))
@example({"huge": 10**400, "low": -(10**400), "zero": -0.0, "a.b": 1, "a": "2024-01-01", "": '\x00"\\\u2028é'})
def test_flat_metadata_is_written_and_projected_as_by_the_general_way(meta):
    assert write_flat(meta) == (TO_JSON(meta), project(meta))


@pytest.mark.parametrize(
    "value", [[], {}, (1,), math.nan, -math.inf, np.float64(1), np.str_("a"), np.int64(1), b"a", "\ud800"]
)
def test_anything_else_is_left_to_the_general_way(value):
    assert write_flat({"a": 1, "b": value}) is None


@pytest.mark.parametrize("key", [1, None, "\ud800", np.str_("a")])
def test_metadata_with_another_key_is_left_to_the_general_way(key):
    assert write_flat({key: 1}) is None


def test_an_integer_longer_than_python_writes_is_an_error():
    with pytest.raises(ValueError, match="digits"):
        write_flat({"a": 10**5000})
