import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from nearfield.evaluation.categorisation import in_majority, k_means, normalised_mutual_information

labels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


def blobs(seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, 5)) * 10
    return (np.repeat(centres, 12, axis=0) + rng.normal(size=(48, 5))).astype(np.float32), np.repeat(np.arange(4), 12)


def test_purity_worked_out_by_hand():
    # The example of Manning et al., figure 16.4: majorities 5 of 6, 4 of 6, 3 of 5.
    clusters = np.repeat([0, 1, 2], [6, 6, 5])
    categories = np.array([0] * 5 + [1] + [0] + [1] * 4 + [2] + [0] * 2 + [2] * 3)
    assert in_majority(clusters, categories).mean() == pytest.approx(12 / 17)
    # Theirs divides by the mean of the entropies too, 0.36 to two digits.
    assert normalised_mutual_information(clusters, categories) == pytest.approx(0.36, abs=0.005)


@given(labels)
def test_mutual_information_is_that_of_scikit_learn_and_symmetric(pairs):
    clusters, categories = np.array(pairs).T
    found = normalised_mutual_information(clusters, categories)
    assert found == pytest.approx(normalized_mutual_info_score(categories, clusters), abs=1e-9)
    assert found == pytest.approx(normalised_mutual_information(categories, clusters), abs=1e-9)


@given(labels)
def test_purity_is_at_least_the_share_of_the_largest_category(pairs):
    clusters, categories = np.array(pairs).T
    assert in_majority(clusters, categories).mean() >= np.bincount(categories).max() / len(categories)


def test_k_means_finds_clear_clusters_and_repeats():
    points, truth = blobs()
    found = k_means(points, 4, seed=3)
    assert normalised_mutual_information(found, truth) == pytest.approx(1)
    np.testing.assert_array_equal(found, k_means(points, 4, seed=3))


def test_k_means_is_as_good_as_scikit_learns():
    points = np.random.default_rng(1).normal(size=(120, 6)).astype(np.float32)
    found = k_means(points, 7, restarts=30)
    inertia = sum(((points[found == c] - points[found == c].mean(axis=0)) ** 2).sum() for c in range(7))
    assert inertia <= 1.01 * KMeans(7, n_init=30, random_state=0).fit(points).inertia_


def test_more_clusters_than_different_points_leave_some_empty():
    points = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    found = k_means(points, 4)
    assert len(set(found[:3])) == len(set(found[3:])) == 1
    assert found[0] != found[3]
