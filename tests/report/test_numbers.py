import math

import pytest

from nearfield.report.numbers import ABSENT, decimal, dollars, duration, interval, size


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (3e-7, "0.3 µs"),
        (0.00042, "420 µs"),
        (0.0042, "4.2 ms"),
        (0.0099499, "9.9 ms"),
        (0.00996, "10 ms"),
        (0.9996, "1.0 s"),
        (43.4, "43 s"),
        (600, "10 min"),
        (36_000, "10 h"),
        (math.nan, ABSENT),
    ],
)
def test_a_duration_has_two_digits_and_the_unit_that_suits_it(seconds, shown):
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (4200, "4.2 kB"), (999_900, "1.0 MB"), (7.8e6, "7.8 MB"), (1.25e12, "1.2 TB")],
)
def test_a_size_is_in_decimal_units(count, shown):
    assert size(count) == shown


def test_what_is_rounded_to_zero_has_no_sign():
    assert decimal(-0.0001) == "0.000"
    assert decimal(0.0001, signed=True) == "0.000"
    assert decimal(-0.0931, signed=True) == "−0.093"


def test_an_interval_with_an_unknown_end_is_not_shown():
    assert interval(-0.01, 0.02, signed=True) == "[−0.010, +0.020]"
    assert interval(math.nan, 0.02) == ""
    assert interval(None, None) == ""


def test_a_price_below_a_cent_is_not_shown_as_free():
    assert [dollars(amount) for amount in (0, 0.004, 0.005, 999.99, 1000)] == [
        "$0.00",
        "< $0.01",
        "$0.01",
        "$999.99",
        "$1,000",
    ]
