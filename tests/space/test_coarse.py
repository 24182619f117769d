"""Rows in 8 bits: how far their cosines are from the true ones is never more than they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearfield.arrays import row_norms
from nearfield.space import coarse, coarse_kernels
from nearfield.space.coarse import CoarseRows


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@given(st.integers(0, 10_000), st.integers(1, 130), st.sampled_from(["normal", "spiky", "huge", "tiny"]))
@settings(max_examples=60, deadline=None)
def test_the_true_cosine_is_within_the_slack(seed, dim, kind):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, dim))
    rows *= {"normal": 1, "spiky": np.exp(3 * rng.standard_normal((40, dim))), "huge": 1e37, "tiny": 1e-37}[kind]
    rows = rows.astype(np.float32)
    direction = unit(rng.standard_normal(dim) * np.exp(rng.standard_normal(dim)))
    estimates, slack = CoarseRows(rows, row_norms(rows)).cosines(direction)
    errors = np.abs(estimates.astype(np.float64) - unit(rows.astype(np.float64)) @ direction)
    assert (errors <= slack).all()
    if kind == "normal" and dim > 50:
        assert slack.max() < 0.02  # and the slack is small enough to be of use


def test_the_largest_product_of_very_many_dimensions_fits():
    rows = np.ones((2, 200_000), np.float32)
    rows[1] = -1
    estimates, slack = CoarseRows(rows, row_norms(rows)).cosines(unit(np.ones(200_000)))
    assert (np.abs(estimates - [1, -1]) <= slack).all()
    assert slack.max() < 0.01


def test_parts_on_several_cores_give_the_same(monkeypatch):
    rows = np.random.default_rng(0).standard_normal((50, 70)).astype(np.float32)
    whole = CoarseRows(rows, row_norms(rows)).cosines(unit(rows[0].astype(np.float64)))
    monkeypatch.setattr(coarse, "available_cores", lambda: 3)
    monkeypatch.setattr(coarse, "_SMALLEST_PART", 64)
    parts = CoarseRows(rows, row_norms(rows)).cosines(unit(rows[0].astype(np.float64)))
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("function", [coarse_kernels.round_rows, coarse_kernels.round_rows.py_func])
def test_a_row_is_rounded_to_steps_of_a_127th_of_its_largest_value(function):
    codes, scales, losses = np.zeros((1, 64), np.int8), np.zeros(1, np.float32), np.zeros(1, np.float32)
    row = np.array([[3, -4, 0.02]], np.float32)
    function(row, np.array([5.0]), codes, scales, losses)
    assert codes[0, :4].tolist() == [95, -127, 1, 0]
    assert scales[0] == pytest.approx(4 / 5 / 127)
    assert losses[0] == pytest.approx(np.hypot(3 / 5 - 95 * scales[0], 0.004 - scales[0]), rel=1e-5)


@pytest.mark.parametrize("function", [coarse_kernels.products, coarse_kernels.products.py_func])
def test_products_are_exact(function):
    rng = np.random.default_rng(0)
    codes = rng.integers(-127, 128, (5, 64)).astype(np.int8)
    query = rng.integers(-32767, 32768, 64).astype(np.int16)
    out = np.empty(5, np.int32)
    function(codes, query, out)
    assert out.tolist() == (codes.astype(int) @ query.astype(int)).tolist()
