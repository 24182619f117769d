import sys
import types
from typing import ClassVar

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import InvalidInputError, MissingExtraError
from nearfield.space.map_methods import umap_layout


def blobs(n=90, dim=12, groups=3, seed=0):
    """A space of well-separated groups, key `g-i` in group g."""
    generator = np.random.default_rng(seed)
    group = np.arange(n) % groups
    vectors = generator.normal(size=(groups, dim))[group] * 4 + generator.normal(size=(n, dim)) * 0.4
    return nf.Space([f"{g}-{i}" for i, g in enumerate(group)], vectors)


def test_pca_shows_the_two_widest_directions_of_the_unit_vectors():
    space = blobs()
    found = nf.project(space)
    centred = space.unit_vectors - space.unit_vectors.mean(axis=0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.points), np.abs(left[:, :2] * lengths[:2]), atol=1e-5)
    assert found.variance == pytest.approx((lengths[:2] ** 2).sum() / (lengths**2).sum(), rel=1e-5)
    assert (found.points.dtype, found.points.shape) == (np.float32, (90, 2))
    assert (found.method, found.n_neighbors, found.dim) == ("pca", None, 12)
    assert found.faithfulness.trustworthiness > 0.8


def test_lengths_of_vectors_do_not_matter():
    space = blobs()
    longer = nf.Space(space.keys, space.vectors * np.arange(1, 91)[:, None])
    np.testing.assert_allclose(nf.project(longer).points, nf.project(space).points, atol=1e-5)


def test_a_space_of_one_dimension_is_laid_out_on_a_line():
    found = nf.project(nf.Space([*"abc"], [[1], [-1], [2]]))
    np.testing.assert_allclose(found.points[:, 1], 0)
    assert found.points[0, 0] == found.points[2, 0] != found.points[1, 0]


def test_a_projection_says_what_it_is():
    found = nf.project(blobs())
    assert str(found).startswith("90 keys, 12 dimensions on 2 by pca, ")
    values = found.to_json()
    assert (values["keys"], values["method"]) == (90, "pca")
    assert values["faithfulness"]["k"] == 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "tsne"}, "method must be one of pca, umap, pacmap, got 'tsne'"),
        ({"n_neighbors": 90}, "n_neighbors must be from 2 to 89 for 90 keys, got 90"),
        ({"n_neighbors": 1}, "n_neighbors must be from 2 to 89"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        nf.project(blobs(), **options)


def test_too_few_keys_are_refused():
    with pytest.raises(InvalidInputError, match="a map by pca needs at least 3 keys, got 2"):
        nf.project(blobs(2))
    with pytest.raises(InvalidInputError, match="a map by pacmap needs at least 6 keys, got 5"):
        nf.project(blobs(5), method="pacmap")


def test_vectors_of_one_direction_are_refused():
    with pytest.raises(InvalidInputError, match="all 4 vectors have one direction"):
        nf.project(nf.Space([*"abcd"], np.arange(1, 5)[:, None] * [3.0, 4.0]))


@pytest.mark.parametrize(("method", "package"), [("umap", "umap"), ("pacmap", "pacmap")])
def test_a_missing_library_names_the_extra(monkeypatch, method, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=f"needs {package}: pip install 'nearfield\\[space\\]'"):
        nf.project(blobs(), method=method)


class Recorder:
    """Stands for a library that takes half a minute to compile: keeps what it was asked, gives the first columns."""

    asked: ClassVar = {}

    def __init__(self, **options):
        type(self).asked = options

    def fit_transform(self, vectors, **more):
        type(self).asked |= more
        if bar := type(self).asked.get("tqdm_kwds"):
            bar["file"].write("\r3 200")
            bar["file"].write("\n")
            bar["file"].flush()
        return vectors[:, : type(self).asked.get("n_components", 2)].astype(np.float64)


def test_umap_is_asked_for_cosine_from_principal_components_and_reports_its_epochs(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=Recorder))
    told = []
    found = nf.project(blobs(), method="umap", n_neighbors=7, seed=3, progress=lambda *event: told.append(event))
    asked = Recorder.asked
    assert (asked["metric"], asked["n_neighbors"], asked["random_state"], asked["n_jobs"]) == ("cosine", 7, 3, 1)
    first = nf.project(blobs()).points
    for axis in (0, 1):
        assert np.corrcoef(asked["init"][:, axis], first[:, axis])[0, 1] > 0.999
    assert ("laying the map out", 3, 200) in told
    assert (found.n_neighbors, found.variance, found.points.dtype) == (7, None, np.float32)


def test_pacmap_is_asked_with_the_seed_and_two_columns_at_least(monkeypatch):
    monkeypatch.setitem(sys.modules, "pacmap", types.SimpleNamespace(PaCMAP=Recorder))
    found = nf.project(nf.Space([*"abcdef"], np.array([1, -1, 2, -2, 3, -3])[:, None]), method="pacmap", seed=5)
    assert Recorder.asked == {"n_neighbors": 5, "random_state": 5, "init": "pca"}
    assert found.points.shape == (6, 2)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["umap", "pacmap"])
def test_the_same_seed_gives_the_same_map_which_keeps_groups_apart(method):
    space = blobs()
    first, again = (nf.project(space, method=method, n_neighbors=10, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.points, again.points)
    assert first.faithfulness.trustworthiness > 0.85
    group = np.arange(90) % 3
    away = np.linalg.norm(first.points[:, None] - first.points[None], axis=2) + np.eye(90) * 1e9
    assert (group[away.argmin(axis=1)] == group).all()


@pytest.mark.slow
@pytest.mark.parametrize(("method", "n"), [("umap", 3), ("umap", 16), ("pacmap", 6)])
def test_the_smallest_spaces_can_be_laid_out(method, n):
    assert np.isfinite(nf.project(blobs(n), method=method).points).all()


@pytest.mark.slow
def test_umap_lays_out_in_more_dimensions_than_there_are():
    space = blobs(30, dim=2)
    found = umap_layout(space.unit_vectors, 5, n_neighbors=5, spacing=0.0, seed=0, progress=lambda *_: None)
    assert found.shape == (30, 5)
    assert np.isfinite(found).all()
