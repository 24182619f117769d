import csv
import json
import sys
import types

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import InvalidInputError, MissingExtraError
from nearfield.space import cluster_methods
from nearfield.space.cluster_methods import numbers_to_try, silhouette


def blobs(sizes=(30, 20, 10), dim=6, spread=0.15, seed=0):
    """Groups around the first axes; key `g-i` in group g."""
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    vectors = np.eye(len(sizes), dim)[group] + generator.normal(size=(len(group), dim)) * spread
    order = generator.permutation(len(group))
    return nf.Space([f"{group[i]}-{i}" for i in order], vectors[order] * generator.uniform(1, 9, (len(group), 1)))


def groups_of(found):
    return [{key.split("-")[0] for key in found.members(i)} for i in range(len(found.names))]


def test_kmeans_finds_the_groups_numbers_them_by_size_and_names_them_by_their_centre():
    space = blobs()
    found = nf.cluster(space, k=3)
    assert groups_of(found) == [{"0"}, {"1"}, {"2"}]
    assert (found.sizes, found.outliers, found.method) == ((30, 20, 10), 0, "kmeans")
    assert found.labels.dtype == np.int64
    members = space.select(found.members(0)).unit_vectors
    nearness = dict(zip(found.members(0), members @ members.mean(axis=0), strict=True))
    assert list(found.central[0]) == sorted(nearness, key=nearness.get, reverse=True)[:3]
    assert found.names[0] == ", ".join(found.central[0])
    assert found.silhouette > 0.5
    assert found.members(-1) == []


def test_the_silhouette_chooses_the_number_of_clusters():
    found = nf.cluster(blobs((20, 20, 20, 20)))
    assert len(found.names) == 4
    assert max(found.tried, key=lambda trial: trial[1])[0] == 4
    assert [k for k, _ in found.tried] == numbers_to_try(80)


@pytest.mark.parametrize(("n", "numbers"), [(3, [2]), (4, [2, 3]), (3000, [10, 13, 18, 24, 32, 43, 58, 77])])
def test_numbers_are_tried_around_the_root_of_half(n, numbers):
    assert numbers_to_try(n) == numbers


def test_very_large_spaces_try_no_more_than_a_hundred():
    assert numbers_to_try(10**7) == numbers_to_try(5_000)
    assert numbers_to_try(10**7)[-1] == 100


def test_the_same_seed_gives_the_same_clusters_and_length_does_not_matter():
    space = blobs(spread=0.6)
    first, again = (nf.cluster(space, k=5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.labels, again.labels)
    scaled = nf.Space(space.keys, space.unit_vectors)
    np.testing.assert_array_equal(nf.cluster(scaled, k=5, seed=3).labels, first.labels)


def test_centres_learned_from_a_sample_serve_all_keys(monkeypatch):
    monkeypatch.setattr(cluster_methods, "_FITTED_ON", 30)
    monkeypatch.setattr(cluster_methods, "_CHOSEN_ON", 20)
    found = nf.cluster(blobs((60, 50, 40)), k=3)
    assert groups_of(found) == [{"0"}, {"1"}, {"2"}]
    assert sum(nf.cluster(blobs((60, 50, 40))).sizes) == 150


def test_equal_vectors_make_fewer_clusters_than_asked_for():
    found = nf.cluster(nf.Space([*"abcd"], [[1, 0], [2, 0], [0, 1], [0, 2]]), k=4)
    assert found.sizes == (2, 2)


def test_one_cluster_and_as_many_clusters_as_keys_have_no_silhouette():
    space = blobs((5, 4))
    assert nf.cluster(space, k=1).silhouette is None
    alone = nf.cluster(space, k=9)
    assert (alone.silhouette, alone.sizes) == (None, (1,) * 9)
    assert nf.cluster(nf.Space(["a"], [[1.0, 2.0]]), k=1).names == ("a",)


def test_the_silhouette_is_that_of_its_definition():
    vectors = np.array([[1, 0], [0.96, 0.28], [0, 1], [0.28, 0.96], [-1, 0]], np.float32)
    labels = np.array([0, 0, 1, 1, -1])
    far = 1 - vectors @ vectors.T
    expected = []
    for i in range(4):
        inside = far[i, i ^ 1]
        outside = far[i, [2, 3] if i < 2 else [0, 1]].mean()
        expected.append((outside - inside) / max(inside, outside))
    assert silhouette(vectors, labels, seed=0) == pytest.approx(np.mean(expected), abs=1e-6)


def test_clusters_print_as_a_table_as_json_and_as_a_file(tmp_path):
    found = nf.cluster(nf.Space(["a\tb", 'say "x"', "c", "d"], [[1, 0.1], [1, 0], [0, 1], [0.1, 1]]), k=2)
    assert str(found).startswith("4 keys in 2 clusters by kmeans, silhouette 0.9")
    values = json.loads(json.dumps(found.to_json()))
    assert [c["size"] for c in values["clusters"]] == [2, 2]
    assert dict(zip(values["keys"], values["labels"], strict=True))["c"] == values["labels"][3]
    found.save_tsv(tmp_path / "c.tsv")
    with (tmp_path / "c.tsv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert rows[0] == ["key", "cluster", "number"]
    assert [row[0] for row in rows[1:]] == list(found.keys)
    assert rows[1][1:] == [found.names[found.labels[0]], str(found.labels[0])]


def test_long_keys_are_cut_short_in_names():
    found = nf.cluster(nf.Space(["x" * 100, "y" * 50, "z"], [[1, 0], [1, 0.01], [1, 0.02]]), k=1)
    assert len(found.names[0]) <= 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 61}, "k must be from 1 to 60, as there are 60 keys, got 61"),
        ({"k": 0}, "k must be from 1 to 60"),
        ({"method": "dbscan"}, "method must be one of kmeans, hdbscan, got 'dbscan'"),
        ({"min_cluster_size": 5}, "min_cluster_size is for hdbscan"),
        ({"method": "hdbscan", "k": 3}, "hdbscan finds the number of clusters itself"),
        ({"method": "hdbscan", "min_cluster_size": 1}, "min_cluster_size must be from 2 to n, got 1 for 60 keys"),
        ({"method": "hdbscan", "min_cluster_size": 61}, "min_cluster_size must be from 2 to n, got 61"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        nf.cluster(blobs(), **options)


def test_two_keys_leave_no_number_to_choose_and_members_must_exist():
    with pytest.raises(InvalidInputError, match="at least 3 keys, got 2; give k"):
        nf.cluster(nf.Space([*"ab"], np.eye(2)))
    with pytest.raises(InvalidInputError, match="numbered from 0 to 1, got 2"):
        nf.cluster(nf.Space([*"ab"], np.eye(2)), k=2).members(2)


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingExtraError, match="needs sklearn: pip install 'nearfield\\[space\\]'"):
        nf.cluster(blobs(), k=2)


class Density:
    """Stands for fast-hdbscan, which takes a minute to compile: every third key is an outlier."""

    def __init__(self, *, min_cluster_size):
        Density.size = min_cluster_size

    def fit_predict(self, vectors):
        Density.given = vectors
        return np.where(np.arange(len(vectors)) % 3 == 0, -1, np.arange(len(vectors)) % 3)


@pytest.fixture
def density(monkeypatch):
    monkeypatch.setitem(sys.modules, "fast_hdbscan", types.SimpleNamespace(HDBSCAN=Density))
    monkeypatch.setattr(cluster_methods, "umap_layout", lambda vectors, dim, **_: vectors[:, :dim])


def test_hdbscan_leaves_outliers_out_and_does_not_reduce_few_dimensions(density, tmp_path):
    found = nf.cluster(blobs(), method="hdbscan")
    assert (Density.given.shape, Density.size, found.reduced_to) == ((60, 6), 5, None)
    assert (found.sizes, found.outliers) == ((20, 20), 20)
    assert len(found.members(-1)) == 20
    assert "60 keys in 2 clusters by hdbscan, 20 outliers, silhouette" in str(found)
    found.save_tsv(tmp_path / "c.tsv")
    assert (tmp_path / "c.tsv").read_text().splitlines()[1].endswith("\t\t-1")


def test_hdbscan_gets_many_dimensions_reduced_and_says_so(density):
    found = nf.cluster(blobs(dim=30), method="hdbscan", min_cluster_size=4)
    assert (Density.given.shape, Density.size, found.reduced_to) == ((60, 5), 4, 5)
    assert "laid out in 5 dimensions by UMAP first" in str(found)


def test_a_space_without_clusters_is_told_as_it_is(density, monkeypatch):
    monkeypatch.setattr(Density, "fit_predict", lambda self, vectors: np.full(len(vectors), -1))
    found = nf.cluster(blobs(), method="hdbscan")
    assert str(found) == "60 keys in 0 clusters by hdbscan, 60 outliers, silhouette –"
    assert (found.names, found.sizes) == ((), ())


@pytest.mark.slow
@pytest.mark.parametrize("dim", [6, 30])
def test_hdbscan_finds_groups_and_outliers(dim):
    space = blobs((60, 50, 40), dim=dim, spread=0.05)
    found = nf.cluster(space, method="hdbscan")
    assert groups_of(found) == [{"0"}, {"1"}, {"2"}]
