import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

import nearfield as nf
from nearfield.arrays import normalise
from nearfield.errors import InvalidInputError
from nearfield.quantisation import unpack_signs
from nearfield.space import postprocessing
from nearfield.space.postprocessing import fit_all_but_the_top, fit_centring, fit_pca, fit_truncation, fit_whitening


@pytest.fixture
def space():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(300, 6)) @ generator.normal(size=(6, 6)) + 2
    table = generator.normal(size=(40, 6)).astype(np.float32)
    return nf.Space(
        map(str, range(300)), vectors, subwords=nf.Subwords(table), counts=range(300), about={"from": "test"}
    )


LINEAR = {
    "centre": (nf.centre, lambda v: fit_centring(v)),
    "all but the top": (nf.remove_top_components, lambda v: fit_all_but_the_top(v)),
    "whiten": (nf.whiten, lambda v: fit_whitening(v)),
    "reduce": (lambda s: nf.reduce(s, 3), lambda v: fit_pca(normalise(v), 3, centred=False)),
    "truncate": (lambda s: nf.truncate(s, 3), lambda v: fit_truncation(v.shape[1], 3)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_other_vectors_and_unseen_words_are_changed_as_the_keys_are(space, name):
    change, fit = LINEAR[name]
    changed, fitted = change(space), fit(space.vectors)
    np.testing.assert_allclose(changed.vectors, fitted.apply(space.vectors), atol=1e-6)
    np.testing.assert_allclose(changed["unseen"], fitted.apply([space["unseen"]])[0], atol=1e-5)
    assert list(changed.keys) == list(space.keys)
    np.testing.assert_array_equal(changed.counts, space.counts)
    assert changed.about["from"] == "test"
    assert space.about == {"from": "test"}


def test_what_was_done_is_kept_in_order(space):
    changed = nf.quantise(nf.whiten(nf.remove_top_components(space), dim=3)).space
    assert changed.about["postprocessing"] == ["all but the top 1", "whitened (pca)", "int8"]


def test_centring_takes_the_mean_off(space):
    np.testing.assert_allclose(nf.centre(space).vectors.mean(axis=0), 0, atol=1e-5)


def test_all_but_the_top_is_the_published_formula(space):
    kept = nf.remove_top_components(space, 2).vectors
    off = space.vectors - space.vectors.mean(axis=0)
    top = PCA(2).fit(off).components_
    np.testing.assert_allclose(kept, off - sum(np.outer(off @ u, u) for u in top), atol=1e-4)


def test_a_hundredth_of_the_directions_is_taken_by_default():
    vectors = np.random.default_rng(0).normal(size=(400, 250))
    assert np.linalg.matrix_rank(fit_all_but_the_top(vectors).matrix) == 248
    assert np.linalg.matrix_rank(fit_all_but_the_top(vectors[:, :3]).matrix) == 2


def test_pca_is_scikit_learns(space):
    pca = PCA(4).fit(space.vectors)
    ours = fit_pca(space.vectors, 4).apply(space.vectors)
    theirs = pca.transform(space.vectors)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-3)


@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 99))
def test_pca_without_a_mean_keeps_all_products_in_all_dimensions(n, dim, seed):
    vectors = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    turned = fit_pca(vectors, dim, centred=False).apply(vectors)
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, atol=1e-4)


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_white_vectors_vary_equally_and_not_together(space, kind):
    white = nf.whiten(space, kind=kind, ridge=0).vectors
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(6), atol=1e-3)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-4)


def test_zca_is_the_symmetric_root_of_the_inverse_covariance(space):
    matrix = fit_whitening(space.vectors, kind="zca", ridge=0).matrix
    np.testing.assert_allclose(matrix @ matrix, np.linalg.inv(np.cov(space.vectors.T, bias=True)), rtol=1e-3, atol=1e-6)


def test_whitening_to_fewer_keeps_the_first_directions(space):
    np.testing.assert_allclose(nf.whiten(space, dim=2).vectors, nf.whiten(space).vectors[:, :2])


def test_a_direction_that_does_not_vary_stays_flat():
    vectors = np.random.default_rng(0).normal(size=(50, 3))
    vectors[:, 1] = 7
    for kind in ("pca", "zca"):
        white = fit_whitening(vectors, kind=kind).apply(vectors)
        np.testing.assert_allclose(np.linalg.eigvalsh(np.cov(white.T, bias=True)), [0, 1, 1], atol=1e-4)


def test_truncation_keeps_the_first_dimensions(space):
    np.testing.assert_array_equal(nf.truncate(space, 2).vectors, space.vectors[:, :2])


def test_quantised_values_are_those_the_codes_stand_for(space):
    rounded = nf.quantise(space)
    np.testing.assert_array_equal(postprocessing.dequantise(rounded.codes, rounded.calibration), rounded.space.vectors)
    steps = (rounded.calibration.high - rounded.calibration.low) / 255
    assert (np.abs(rounded.space.vectors - space.vectors) <= steps * 0.501).all()
    assert rounded.codes.dtype == np.int8
    assert rounded.space.subwords is None


def test_binary_values_are_signs(space):
    rounded = nf.quantise(space, "binary")
    np.testing.assert_array_equal(rounded.space.vectors, np.where(space.vectors > 0, 1, -1))
    np.testing.assert_array_equal(unpack_signs(rounded.codes, 6), rounded.space.vectors)
    assert rounded.calibration is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: nf.reduce(s, 0), "dim must be from 1 to 6"),
        (lambda s: nf.reduce(s, 7), "dim must be from 1 to 6"),
        (lambda s: nf.truncate(s, 7), "dim must be from 1 to 6"),
        (lambda s: nf.whiten(s, dim=7), "dim must be from 1 to 6"),
        (lambda s: nf.whiten(s, dim=2, kind="zca"), "zca keeps all 6"),
        (lambda s: nf.whiten(s, kind="cholesky"), "kind must be one of pca, zca, got 'cholesky'"),
        (lambda s: nf.whiten(s, ridge=-1), "ridge must be at least 0"),
        (lambda s: nf.remove_top_components(s, 6), "n must be from 0 to 5"),
        (lambda s: nf.remove_top_components(s, -1), "n must be from 0 to 5"),
        (lambda s: nf.quantise(s, "int4"), "precision must be one of int8, binary"),
        (lambda s: nf.whiten(s.first(1)), "at least 2 vectors"),
        (lambda s: nf.quantise(s.first(1)), "at least 2 vectors"),
        (lambda _: fit_whitening(np.ones((3, 2))), "all equal"),
        (lambda _: nf.truncate(nf.Space(["a", "b"], [[1, 1], [0, 1]]), 1), "vector of 'b' is zero"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_is_allowed(space, change, words):
    with pytest.raises(InvalidInputError, match=words):
        change(space)
