"""Numbers as integers in the same order, and back."""

from hypothesis import given
from hypothesis import strategies as st

from nearfield.stores.ordinals import SIGN, float_of, ordinal, ordinal_digits

NUMBERS = st.floats(allow_nan=False)


@given(NUMBERS, NUMBERS)
def test_the_order_of_ordinals_and_of_their_digits_is_that_of_the_numbers(one, other):
    if one != other:
        assert (ordinal(one) < ordinal(other)) == (one < other) == (ordinal_digits(one) < ordinal_digits(other))


@given(NUMBERS)
def test_an_ordinal_is_64_bits_and_can_be_read_back(number):
    assert 0 <= ordinal(number) < 2 * SIGN
    assert repr(float_of(ordinal(number))) == repr(number)


def test_ordinals_stay_as_they_are_stored():
    assert [ordinal_digits(number) for number in (-1.0, 0.0, 1.0)] == [
        "400fffffffffffff",
        "8000000000000000",
        "bff0000000000000",
    ]
