"""Filters and metadata: worked out by hand from the docstring, and drawn at random."""

import math
from datetime import date

from hypothesis import strategies as st

CASES = [
    ({}, {}, True),
    ({"a": 1}, {"a": 1.0}, True),
    ({"a": 1}, {"a": True}, False),
    ({"a": True}, {"a": 1}, False),
    ({"a": True}, {"a": [False, True]}, True),
    ({"a": "1"}, {"a": 1}, False),
    ({"a": 1}, {}, False),
    ({"a": {"$ne": 1}}, {}, True),
    ({"a": {"$ne": 1}}, {"a": "x"}, True),
    ({"a": {"$ne": 1}}, {"a": [2, 1]}, False),
    ({"a": {"$in": []}}, {"a": 1}, False),
    ({"a": {"$nin": []}}, {"a": 1}, True),
    ({"a": {"$in": [1, "x", True]}}, {"a": "x"}, True),
    ({"a": {"$in": [True]}}, {"a": True}, True),
    ({"a": {"$in": [True, False]}}, {"a": 1}, False),
    ({"a": {"$nin": [1, "x"]}}, {"a": 2}, True),
    ({"a": {"$gt": 1, "$lt": 3}}, {"a": [0, 5]}, True),  # a list matches when any element does, each condition
    ({"a": {"$gt": 1}}, {"a": "2"}, False),
    ({"a": {"$gte": 2**53}}, {"a": 2**53 - 1}, False),
    ({"a": {"$lt": 10**400}}, {"a": 1e308}, True),
    ({"a": 0.0}, {"a": -0.0}, True),
    ({"a.b": 1}, {"a": {"b": 1}}, True),
    ({"a.b": 1}, {"a.b": 1}, True),
    ({"a.b": 1}, {"a": [{"b": 2}, {"b": [1]}]}, True),
    ({"a.b.c": 1}, {"a": {"b.c": 1}}, True),
    ({"with space": "é"}, {"with space": "é"}, True),
    ({"a": {"$exists": True}}, {"a": {}}, True),
    ({"a": {"$exists": True}}, {"a": None}, False),
    ({"a": {"$exists": True}}, {"a": [[], [None]]}, False),
    ({"a": {"$exists": False}}, {"b": 1}, True),
    ({"a": {"$contains": "ell"}}, {"a": ["x", "hello"]}, True),
    ({"a": {"$contains": ""}}, {"a": 1}, False),
    ({"a": {"$contains": "\u00e9"}}, {"a": "e\u0301"}, False),
    ({"a": {"$gt": "Z"}}, {"a": "a"}, True),
    ({"a": {"$lt": "\U0001f389"}}, {"a": "\uffff"}, True),  # by code point, not by UTF-16 unit
    ({"$or": [{"a": 1}, {"b": 2}]}, {"b": 2}, True),
    ({"$or": []}, {"b": 2}, False),
    ({"$and": []}, {}, True),
    ({"$and": [{"a": 1}, {"b": 2}]}, {"b": 2}, False),
    ({"$not": {"a": 1}}, {"b": 2}, True),
]

fields = st.sampled_from(["a", "a.b", 'a b"[].'])
moments = st.sampled_from(["2024-01-01", "2024-01-01T00:00Z", "2024-01-01T00:00:00.000001Z", "2023-12-31T23:00-01:00"])
close = st.sampled_from([0.3, 0.1 + 0.2, math.nextafter(0.3, 0), 2**53, 2**53 + 2, -0.0, 0, 1, 10**400, 5e-324, -1.1])
scalars = (
    st.booleans()
    | close
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | moments
    | st.text(max_size=3)
    | st.sampled_from(["Z", "a", "ab", "\uffff", "\U0001f389", "é"])
)
field_values = scalars | st.none() | st.lists(scalars | st.none(), max_size=3)
metas_strategy = st.dictionaries(fields, field_values | st.dictionaries(fields, field_values, max_size=2), max_size=3)
operands = scalars | st.dates(date(2023, 12, 31), date(2024, 1, 2))
ordered = operands.filter(lambda value: not isinstance(value, bool))
conditions = (
    scalars
    | st.fixed_dictionaries({}, optional={"$eq": operands, "$ne": operands, "$exists": st.booleans()}).filter(bool)
    | st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), ordered, min_size=1, max_size=2)
    | st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(operands, max_size=3), min_size=1)
    | st.builds(lambda part: {"$contains": part}, st.text(max_size=2))
)
leaves = st.dictionaries(fields, conditions, max_size=2)
filters = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda part: {"$not": part}, inner)
        | st.builds(lambda key, parts: {key: parts}, st.sampled_from(["$and", "$or"]), st.lists(inner, max_size=3))
    ),
    max_leaves=4,
)
