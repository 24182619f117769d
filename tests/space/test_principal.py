import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nearfield.space import principal
from nearfield.space.principal import principal_components


def test_a_line_has_one_direction_and_all_its_variance_along_it():
    found = principal_components(np.array([[0, 0], [3, 4], [6, 8]], np.float32), 2)
    np.testing.assert_allclose(found.mean, [3, 4])
    np.testing.assert_allclose(found.directions[0], [0.6, 0.8])
    np.testing.assert_allclose(found.shares, [1, 0], atol=1e-12)
    np.testing.assert_allclose(
        found.transform(np.array([[0, 0], [3, 4], [6, 8]], np.float32))[:, 0], [-5, 0, 5], atol=1e-5
    )


def test_components_are_those_of_a_singular_value_decomposition_whatever_the_blocks(monkeypatch):
    monkeypatch.setattr(principal, "_BLOCK_VALUES", 60)
    vectors = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32) * [5, 4, 3, 2, 1, 0.5]
    found = principal_components(vectors.astype(np.float32), 3)
    _, lengths, rows = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(np.einsum("cd,cd->c", found.directions, rows[:3])), 1, atol=1e-5)
    np.testing.assert_allclose(found.shares, (lengths**2 / (lengths**2).sum())[:3], rtol=1e-5)
    largest = np.abs(found.directions).argmax(axis=1)
    assert (found.directions[range(3), largest] > 0).all()


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, (7, 3), elements=st.floats(-10, 10, width=32)))
def test_directions_are_orthonormal_and_shares_descend(vectors):
    found = principal_components(vectors, 3)
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(3), atol=1e-8)
    assert (np.diff(found.shares) <= 1e-12).all()
    assert found.shares.sum() <= 1 + 1e-9


def test_vectors_that_do_not_differ_have_no_variance_to_share():
    np.testing.assert_array_equal(principal_components(np.ones((4, 3), np.float32), 2).shares, [0, 0])
