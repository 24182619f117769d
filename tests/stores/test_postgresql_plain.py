"""What of the PostgreSQL back end needs no server: its options, its strings, its filters as SQL."""

import re
import sys

import pytest
from filter_cases import filters
from hypothesis import given
from hypothesis import strategies as st

from nearfield.errors import CapabilityError, InvalidInputError, MissingExtraError
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Effort, StoreConfig
from nearfield.stores.postgresql.config import PostgresConfig, check_config, check_effort
from nearfield.stores.postgresql.filters import condition
from nearfield.stores.postgresql.text import decode_text, encode_text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs dim, at least one sparse leg, or text"),
        ({"dim": 0}, "dim must be at least 1, got 0"),
        ({"dim": 16_001}, "dim must be at most 16000"),
        ({"dim": 2001}, "up to 2,000 dimensions with quantisation 'none', got 2,001; float16 takes 4,000"),
        ({"dim": 4001, "quantisation": "float16"}, "up to 4,000 dimensions"),
        ({"dim": 2, "metric": "hamming"}, "metric must be one of"),
        ({"dim": 2, "ef": 1001}, "ef must be at most 1000"),
        ({"dim": 2, "m": 1}, "m must be at least 2"),
        ({"dim": 2, "m": 60}, r"ef_construct of at least 2 \* m, got 100, 60"),
        ({"dim": 2, "index_above": -1}, "index_above must be at least 0"),
        ({"dim": 2, "oversampling": 0.5}, "oversampling must be at least 1"),
        ({"dim": 2, "oversampling": float("nan")}, "oversampling must be at least 1"),
        ({"dim": 2, "max_scan_tuples": 0}, "max_scan_tuples must be at least 1"),
        ({"dim": 2, "iterative_scan": "off"}, "iterative_scan must be strict or relaxed"),
        ({"dim": 2, "language": "english'; DROP TABLE x"}, "language must name a text search configuration"),
        ({"sparse": ("a", "a")}, "different names"),
        ({"sparse": ("",)}, "different names"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        check_config(PostgresConfig(**options))


def test_what_pgvector_does_not_offer_is_refused():
    with pytest.raises(CapabilityError, match="none, float16, binary, got 'int8'"):
        check_config(PostgresConfig(dim=2, quantisation="int8"))
    with pytest.raises(InvalidInputError, match="made with a PostgresConfig, got a StoreConfig"):
        check_config(StoreConfig(dim=2))
    for effort in (Effort(0), Effort(1001), Effort(10, 0.5)):
        with pytest.raises(InvalidInputError, match="ef of 1 to 1,000"):
            check_effort(effort)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://host/db?sslmod=require", "option that libpq does not take"),
        ("postgresql://host/db?schema=a.b", "schema must be 1 to 63 letters"),
        ("postgresql://host/db?schema=1", "schema must be 1 to 63 letters"),
        ('postgresql://host/db?schema=a"b', "schema must be 1 to 63 letters"),
    ],
)
def test_an_address_that_cannot_be_is_refused_before_anything_is_asked(url, message):
    with pytest.raises(InvalidInputError, match=message):
        connect(Address.parse(url))


def test_a_missing_client_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[postgresql\]'"):
        connect(Address.parse("postgresql://host/db"))


low = st.text(st.sampled_from("\x00\x01\x02\x03\x04a"), max_size=6) | st.text(max_size=6)


@given(low, low)
def test_encoded_strings_hold_no_nul_and_keep_order_and_containment(one, other):
    assert decode_text(encode_text(one)) == one
    assert "\x00" not in encode_text(one)
    code, other_code = encode_text(one).encode(), encode_text(other).encode()
    assert (code < other_code) == (one < other)
    assert (other_code in code) == (other in one)


def marked(tree, mark):
    """Write a mark into every name and string of a filter."""
    if isinstance(tree, dict):
        return {key if key.startswith("$") else key + mark: marked(part, mark) for key, part in tree.items()}
    if isinstance(tree, list):
        return [marked(part, mark) for part in tree]
    return mark if isinstance(tree, str) else tree


@given(filters, st.sampled_from(["'", '"', "%s", "%(f0)s", "\\", "'; DROP TABLE x; --", "$1", "::", "\x00", "é"]))
def test_no_name_and_no_value_is_ever_part_of_a_statement(where, mark):
    plain, parameters = condition(marked(where, "x"))
    sql, marked_parameters = condition(marked(where, mark))
    assert sql == plain
    assert list(parameters) == list(marked_parameters)
    assert set(re.findall(r"%\((\w+)\)s", sql)) == set(parameters)
    assert "%" not in re.sub(r"%\(f\d+\)s", "", sql)
