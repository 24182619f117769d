import pytest

from nearfield.cli.where import parse_conditions
from nearfield.errors import InvalidInputError
from nearfield.stores.filters import parse_where


@pytest.mark.parametrize(
    ("text", "field", "operator", "value"),
    [
        ("year=2020", "year", "$eq", 2020),
        ("year == 2020", "year", "$eq", 2020),
        ("year!=2020", "year", "$ne", 2020),
        ("year>2020", "year", "$gt", 2020),
        ("year>=2020", "year", "$gte", 2020),
        (" price < -1.5e3 ", "price", "$lt", -1500.0),
        ("year<=2020", "year", "$lte", 2020),
        ("public=true", "public", "$eq", True),
        ("name=Ann Lee", "name", "$eq", "Ann Lee"),
        ('name="2020"', "name", "$eq", "2020"),
        ('name=" "', "name", "$eq", " "),
        ("name=", "name", "$eq", ""),
        ("name=null", "name", "$eq", "null"),
        ("name=[1]", "name", "$eq", "[1]"),
        ("formula=a=b", "formula", "$eq", "a=b"),
        ("formula=>b", "formula", "$eq", ">b"),
        ("note=two\nlines", "note", "$eq", "two\nlines"),
        ("user.city=東京", "user.city", "$eq", "東京"),
        ("date>=2020-01-31", "date", "$gte", "2020-01-31"),
    ],
)
def test_a_condition_is_field_operator_and_value(text, field, operator, value):
    found = parse_conditions((text,))
    assert found == {field: {operator: value}}
    assert type(found[field][operator]) is type(value)
    parse_where(found)


def test_conditions_must_all_hold_and_json_is_taken_as_it_is():
    json_filter = '{"$or": [{"a": 1}, {"b": {"$in": [2, 3]}}]}'
    found = parse_conditions((json_filter, "c<4"))
    assert found == {"$and": [{"$or": [{"a": 1}, {"b": {"$in": [2, 3]}}]}, {"c": {"$lt": 4}}]}


def test_no_condition_is_no_filter():
    assert parse_conditions(()) is None


@pytest.mark.parametrize(("text", "operator"), [("year=>2020", ">="), ("year =< -1", "<="), ("year=> .5", ">=")])
def test_an_operator_the_wrong_way_round_is_refused(text, operator):
    with pytest.raises(InvalidInputError, match=f"write {operator} for a number"):
        parse_conditions((text,))
    assert parse_conditions(('size=">2"',)) == {"size": {"$eq": ">2"}}


@pytest.mark.parametrize("text", ["", "year", "=2020", ">", "{", '{"a": 1} {', '{"a":' * 100_000])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(InvalidInputError, match="--where"):
        parse_conditions((text,))
