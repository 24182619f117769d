import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nearfield.errors import InvalidInputError
from nearfield.quantisation import Calibration, dequantise, pack_signs, quantise, unpack_signs

UNIT = Calibration(np.zeros(2, np.float32), np.array([255, 2.55], np.float32))

matrices = arrays.arrays(
    np.float32,
    st.tuples(st.integers(2, 12), st.integers(1, 20)),
    elements=st.floats(-1e6, 1e6, width=32),
)


def slow_code(value: float, low: float, high: float) -> int:
    """The code of one value, in float32 as sentence-transformers computes it."""
    step = (np.float32(high) - np.float32(low)) / np.float32(255)
    with np.errstate(over="ignore"):  # far outside a range of the smallest numbers: infinite, and so the end
        place = (np.float32(value) - np.float32(low)) / (step if step else np.float32(1))
    return int(max(np.float32(0), min(np.float32(255), np.floor(place))))


def test_a_worked_example():
    vectors = [[0.0, 0.0], [0.9, 0.026], [254.0, -7], [255.0, 1e9]]
    codes = [[0, 0], [0, 2], [254, 0], [255, 255]]
    np.testing.assert_array_equal(quantise(vectors, UNIT, precision="uint8"), np.array(codes, np.uint8))
    np.testing.assert_array_equal(quantise(vectors, UNIT), np.array(codes) - 128)
    values = dequantise(quantise(vectors, UNIT), UNIT)
    np.testing.assert_allclose(values, [[0.5, 0.005], [0.5, 0.025], [254.5, 0.005], [255, 2.55]], rtol=1e-6)
    assert values.dtype == np.float32
    assert values.flags.c_contiguous


@given(matrices)
@example(np.float32([[1.1754944e-38], [0], [1]]))
def test_codes_equal_a_slow_plain_computation(matrix):
    calibration = Calibration.fit(matrix[:2])
    ends = list(zip(calibration.low, calibration.high, strict=True))
    expected = [[slow_code(value, *end) for value, end in zip(row, ends, strict=True)] for row in matrix]
    np.testing.assert_array_equal(quantise(matrix, calibration, precision="uint8"), expected)


@given(matrices)
def test_within_its_range_a_value_comes_back_to_half_a_step(matrix):
    calibration = Calibration.fit(matrix)
    for precision in ("int8", "uint8"):
        back = dequantise(quantise(matrix, calibration, precision=precision), calibration)
        rounding = 1e-5 * np.abs(matrix).max() + 1e-30
        assert (np.abs(back - matrix) <= (calibration.high - calibration.low) / 510 + rounding).all()


@given(matrices)
def test_quantising_again_what_codes_stand_for_changes_nothing(matrix):
    calibration = Calibration.fit(matrix)
    once = dequantise(quantise(matrix, calibration), calibration)
    again = quantise(once, calibration).astype(int) - quantise(matrix, calibration)
    # Where a range is hardly wider than float32's own steps there, the middle of a step is an end of it.
    wide = (calibration.high - calibration.low) > 1e-3 * np.maximum(np.abs(calibration.low), np.abs(calibration.high))
    assert not again[:, wide].any()


@given(matrices)
def test_signs_come_back_as_they_were(matrix):
    signs = unpack_signs(pack_signs(matrix), matrix.shape[1])
    np.testing.assert_array_equal(signs, np.where(matrix > 0, 1, -1))
    assert signs.dtype == np.float32


def test_bits_are_packed_with_the_first_dimension_highest():
    bits = pack_signs([[1, 0, -1, 2, 0, 0, 0, 1, 3], [-1] * 9])
    np.testing.assert_array_equal(bits, [[0b10010001, 0b10000000], [0, 0]])


@given(matrices)
def test_the_dot_product_of_signs_is_told_by_the_hamming_distance(matrix):
    bits, dim = pack_signs(matrix), matrix.shape[1]
    hamming = np.unpackbits(bits[:1] ^ bits, axis=1).sum(1)
    signs = unpack_signs(bits, dim)
    np.testing.assert_array_equal(signs @ signs[0], dim - 2.0 * hamming)


def test_a_dimension_that_never_varies_comes_back_as_its_value():
    calibration = Calibration.fit([[0.3, 1], [0.3, 2]])
    back = dequantise(quantise([[0.3, 1], [0.9, 2], [-5, 3]], calibration), calibration)
    np.testing.assert_array_equal(back[:, 0], np.float32([0.3, 0.3, 0.3]))


def test_no_vectors_give_no_codes():
    none = np.empty((0, 2), np.float32)
    assert dequantise(quantise(none, UNIT), UNIT).shape == (0, 2)
    assert unpack_signs(pack_signs(none), 2).shape == (0, 2)


def test_ranges_leave_out_tails_and_are_widened_by_a_margin():
    values = np.arange(101.0)[:, None]
    assert (Calibration.fit(values).low[0], Calibration.fit(values).high[0]) == (0, 100)
    fitted = Calibration.fit(values, tail=0.1, margin=0.5)
    assert (fitted.low[0], fitted.high[0]) == (-30, 130)


def test_the_digest_follows_every_bit_of_the_ranges():
    one = Calibration.fit([[0, 1], [2, 3]])
    assert one.digest == Calibration.fit([[0, 3], [2, 1]]).digest
    assert one.digest != Calibration(one.low, np.nextafter(one.high, np.float32(9))).digest
    assert len(one.digest) == 32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Calibration.fit([[1.0, 2.0]]), "at least 2 vectors, got 1"),
        (lambda: Calibration.fit([[1.0], [2.0]], tail=0.5), r"tail must be in \[0, 0.5\)"),
        (lambda: Calibration.fit([[1.0], [2.0]], margin=-1), "margin at least 0, got 0.0 and -1"),
        (lambda: Calibration.fit([[1.0], [np.nan]]), "row 1 holds NaN"),
        (lambda: Calibration(np.ones(2, np.float32), np.array([2, 0], np.float32)), "dimension 1 has its low end"),
        (lambda: quantise([[1.0]], UNIT), "must have 2 dimensions, got 1"),
        (lambda: quantise([[np.inf, 1.0]], UNIT), "row 0 holds NaN or infinity"),
        (lambda: quantise([[1.0, 2.0]], UNIT, precision="int4"), "precision must be one of int8, uint8, got 'int4'"),
        (lambda: dequantise(np.zeros((1, 2), np.int16), UNIT), r"shape \(n, 2\), got int16"),
        (lambda: dequantise(np.zeros((1, 3), np.int8), UNIT), r"got int8 of shape \(1, 3\)"),
        (lambda: unpack_signs(np.zeros((1, 2), np.uint8), 17), r"shape \(n, 3\), got uint8 of shape \(1, 2\)"),
        (lambda: unpack_signs(np.zeros((1, 2), np.int8), 16), "bits must be uint8"),
    ],
)
def test_what_cannot_be_quantised_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


@pytest.mark.peers
@pytest.mark.parametrize("precision", ["int8", "uint8"])
def test_scalar_codes_equal_those_of_sentence_transformers(precision):
    peer = pytest.importorskip("sentence_transformers.util.quantization").quantize_embeddings
    rng = np.random.default_rng(0)
    fitted_on, vectors = rng.normal(size=(2, 500, 64)).astype(np.float32)
    fitted_on[:, 3] = 0.25
    calibration = Calibration.fit(fitted_on)
    expected = peer(vectors, precision, ranges=np.stack([calibration.low, calibration.high]))
    found = quantise(vectors, calibration, precision=precision)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found, peer(vectors, precision, calibration_embeddings=fitted_on))


@pytest.mark.peers
def test_packed_signs_are_the_ubinary_codes_of_sentence_transformers():
    peer = pytest.importorskip("sentence_transformers.util.quantization").quantize_embeddings
    vectors = np.random.default_rng(0).normal(size=(50, 61)).astype(np.float32)
    vectors[0] = 0
    np.testing.assert_array_equal(pack_signs(vectors), peer(vectors, "ubinary"))
    np.testing.assert_array_equal(pack_signs(vectors).astype(int) - 128, peer(vectors, "binary"))
