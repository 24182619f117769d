import math
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from filter_cases import CASES
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.stores.filters import And, Compares, Equals, Exists, Instant, Not, Or, matches, parse_where
from nearfield.stores.values import Values, project, seconds_of


def holds(where, meta):
    return matches(parse_where(where), meta)


@pytest.mark.parametrize(
    ("where", "meta", "expected"),
    CASES,
)
def test_a_filter_means_what_its_docstring_says(where, meta, expected):
    assert holds(where, meta) is expected


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        ({"$gte": "2024-01-01"}, "2024-01-01T00:00:00Z", True),
        ({"$gt": "2024-01-01"}, "2024-01-01 00:00", False),
        ({"$lt": "2024-01-01T00:00+02:00"}, "2023-12-31T21:59:59.999999Z", True),
        ({"$lt": "2024-01-01T00:00+02:00"}, "2023-12-31T22:00Z", False),
        ({"$lte": date(2024, 1, 1)}, "2024-01-01", True),
        ({"$gt": datetime(2024, 1, 1, tzinfo=UTC)}, "2024-01-01T00:00:00.000001", True),
        ({"$gt": "2024-01-01"}, "zebra", False),
        ({"$gt": "2024-13-01"}, "2024-12-01", False),  # no such month, so code points
        ({"$eq": "2024-01-01"}, "2024-01-01T00:00Z", False),
        ({"$eq": date(2024, 1, 1)}, "2024-01-01T00:00Z", True),
        ({"$in": [datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))]}, "2024-01-01", True),
        ({"$ne": date(2024, 1, 1)}, "2024-01-02", True),
        ({"$gte": "0001-01-01T00:00+14:00"}, "0001-01-01", True),
    ],
)
def test_dates_compare_by_point_in_time(where, value, expected):
    assert holds({"a": where}, {"a": value}) is expected


def test_the_tree_of_a_filter():
    tree = parse_where({"a": {"$gte": 1, "$exists": True}, "$or": [{"b": {"$nin": ["x"]}}], "c": date(1970, 1, 2)})
    assert tree == And(
        (
            And((Compares("a", "$gte", 1.0), Exists("a"))),
            Or((And((Not(Equals("b", ("x",))),)),)),
            Equals("c", (Instant(86400.0),)),
        )
    )


def test_numpy_scalars_are_numbers():
    assert parse_where({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)}) == And(
        (Equals("a", (0.5,)), Equals("b", (3.0,)), Equals("c", (True,)))
    )


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ([], "must be a mapping"),
        ({"a": {"$regex": "x"}}, r"operator '\$regex'; allowed are \$eq, "),
        ({"a": {"b": 1}}, "written 'a.b'"),
        ({"a": {}}, "is empty"),
        ({"a": None}, r"\$exists"),
        ({"a": [1]}, r"\$in"),
        ({"a": {"$in": "abc"}}, "needs a list"),
        ({"a": {"$in": [None]}}, "got None"),
        ({"a": {"$eq": math.nan}}, "finite number, got nan"),
        ({"a": {"$lt": math.inf}}, "finite number, got inf"),
        ({"a": {"$eq": {"b": 1}}}, "needs a number"),
        ({"a": {"$gt": True}}, "a number, a string or a date, got True"),
        ({"a": {"$exists": 1}}, "True or False"),
        ({"a": {"$contains": 1}}, "needs a string"),
        ({"a": "\udc80"}, "surrogate"),
        ({"\udc80": 1}, "surrogate"),
        ({1: 1}, "field names are strings"),
        ({"$nor": []}, r"\$and, \$or and \$not"),
        ({"$or": {"a": 1}}, "list of filters"),
        ({"$or": [1]}, r"\$or\[0\] must be a mapping"),
        ({"$not": [{}]}, r"\$not must be a mapping"),
        ({"a": b"x"}, "needs a number"),
        ({"a": np.datetime64("2024-01-01")}, "needs a number"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(where, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_where(where)


def test_nesting_without_end_is_refused():
    where, meta = {}, []
    for _ in range(2000):
        where, meta = {"$not": where}, [meta]
    with pytest.raises(InvalidInputError, match="64 levels"):
        parse_where(where)
    with pytest.raises(InvalidInputError, match="64 levels"):
        project({"a": meta})


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"a": {"b": math.nan}}, "'a.b' holds nan"),
        ({"a": (1,)}, "'a' holds a tuple"),
        ({"a": np.int64(1)}, "'a' holds a int64"),
        ({"a": {1: 2}}, "'a' has the key 1"),
        ({1: 2}, "'meta' has the key 1"),
        ({"a": "\ud800"}, "surrogate"),
        ({"a": {"\ud800": 1}}, "surrogate"),
    ],
)
def test_meta_that_is_not_json_is_refused_by_field(meta, message):
    with pytest.raises(InvalidInputError, match=message):
        project(meta)


def test_a_projection_collects_every_way_to_write_a_path():
    assert project({"a.b": 1, "a": [{"b": "2020-01-01"}, {"b": [True]}]}) == {
        "a.b": Values((1.0,), ("2020-01-01",), (True,), (1577836800.0,)),
        "a": Values(),
    }


@given(st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=-7, minutes=-30))])))
def test_seconds_agree_with_the_standard_library(moment):
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    expected = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) / 10**6
    assert seconds_of(moment.isoformat()) == expected
    assert holds({"a": moment}, {"a": moment.isoformat(sep=" ")})


@pytest.mark.parametrize(
    "text", ["", "2024", "2024-1-1", "2024-01-01T", "2024-01-01T25:00", "2024-01-01Z", "2024-01-01T00:00+24:00",
             "2024-01-01T00:00+01:60", "2024-02-30", "٢٠٢٤-٠١-٠١", "2024-01-01T00:00z", " 2024-01-01", "2024-01-01\n"]
)  # fmt: skip
def test_other_strings_are_no_points_in_time(text):
    assert seconds_of(text) is None
