import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.report.frozen import from_json, to_json


@dataclass(frozen=True)
class Leaf:
    colour: Literal["red", "green"]
    size: float
    note: str | None = None


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    named: Mapping[str, Leaf] = field(default_factory=dict)
    count: int = 0
    tall: bool = False


leaves = st.builds(
    Leaf, st.sampled_from(["red", "green"]), st.floats(allow_nan=False, allow_infinity=False), st.none() | st.text()
)
trees = st.builds(Tree, st.lists(leaves).map(tuple), st.dictionaries(st.text(), leaves), st.integers(), st.booleans())


@given(trees)
def test_any_tree_survives_json(tree):
    assert from_json(Tree, json.loads(json.dumps(to_json(tree)))) == tree


def test_a_number_that_is_not_finite_becomes_null_and_comes_back_as_nan():
    values = to_json(Leaf("red", math.inf))
    assert values["size"] is None
    assert math.isnan(from_json(Leaf, values).size)


def test_fields_that_are_lacking_take_their_defaults():
    assert from_json(Tree, {"leaves": []}) == Tree(())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "Tree must be an object"),
        ({}, "Tree is incomplete"),
        ({"leaves": 3}, r"Tree\.leaves must be a list, got '3'"),
        ({"leaves": [{"colour": "blue", "size": 1}]}, r"Tree\.leaves\[0\]\.colour must be one of 'red', 'green'"),
        ({"leaves": [{"colour": "red", "size": "big"}]}, r"Tree\.leaves\[0\]\.size must be a number"),
        ({"leaves": [{"colour": "red", "size": True}]}, "size must be a number"),
        ({"leaves": [], "count": "x"}, r"Tree\.count must be an int"),
        ({"leaves": [], "named": []}, r"Tree\.named must be an object"),
        ({"leaves": [], "age": 1}, "Tree has an unknown field 'age'; it has count, leaves, named, tall"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(values, message):
    with pytest.raises(InvalidInputError, match=message):
        from_json(Tree, values)
