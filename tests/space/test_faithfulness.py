import numpy as np
import pytest

from nearfield.arrays import normalise
from nearfield.space import faithfulness
from nearfield.space.faithfulness import measure_faithfulness


@pytest.fixture
def vectors():
    return normalise(np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32))


def by_definition(vectors, points, k):
    """Trustworthiness, continuity and preservation as the paper defines them, key by key."""
    n = len(vectors)
    far, away = 1 - vectors @ vectors.T, np.linalg.norm(points[:, None] - points[None], axis=2)
    penalties, kept = [0, 0], 0
    for i in range(n):
        order = [[j for j in np.argsort(d[i], kind="stable") if j != i] for d in (far, away)]
        for which in (0, 1):
            intruders = set(order[1 - which][:k]) - set(order[which][:k])
            penalties[which] += sum(order[which].index(j) + 1 - k for j in intruders)
        kept += len(set(order[0][:k]) & set(order[1][:k]))
    scale = 2 / (n * k * (2 * n - 3 * k - 1))
    return 1 - scale * penalties[0], 1 - scale * penalties[1], kept / (n * k)


def test_the_measures_are_those_of_the_paper_whatever_the_blocks(vectors, monkeypatch):
    monkeypatch.setattr(faithfulness, "_BLOCK_VALUES", 700)
    points = vectors[:, :2]
    found = measure_faithfulness(vectors, points, k=6)
    expected = by_definition(vectors, points, 6)
    np.testing.assert_allclose((found.trustworthiness, found.continuity, found.preservation), expected, atol=1e-12)
    assert (found.k, found.sampled, found.by_chance) == (6, 60, pytest.approx(6 / 59))


def test_trustworthiness_agrees_with_scikit_learn(vectors):
    from sklearn.manifold import trustworthiness

    points = vectors[:, :2]
    found = measure_faithfulness(vectors, points, k=4)
    assert found.trustworthiness == pytest.approx(trustworthiness(vectors, points, n_neighbors=4, metric="cosine"))
    # Of vectors of length 1, Euclidean distance has the order of the cosine.
    assert found.continuity == pytest.approx(trustworthiness(points, vectors, n_neighbors=4))


def test_a_circle_drawn_as_a_circle_is_perfect_and_a_shuffled_one_is_chance():
    angles = np.linspace(0, 2 * np.pi, 101)[:-1] ** 1.01
    circle = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    perfect = measure_faithfulness(circle, circle, k=5)
    assert (perfect.trustworthiness, perfect.continuity, perfect.preservation) == (1, 1, 1)
    shuffled = measure_faithfulness(circle, np.random.default_rng(0).permutation(circle), k=5)
    assert shuffled.trustworthiness == pytest.approx(0.5, abs=0.06)
    assert shuffled.preservation == pytest.approx(shuffled.by_chance, abs=0.05)


def test_a_sample_estimates_the_whole_and_says_so(vectors):
    told = []
    whole = measure_faithfulness(vectors, vectors[:, :2], k=6)
    part = measure_faithfulness(vectors, vectors[:, :2], k=6, sample=30, seed=1, progress=lambda *a: told.append(a))
    assert part.sampled == 30
    assert part.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.05)
    assert told[-1] == ("measuring the map", 30, 30)


@pytest.mark.parametrize(("n", "k"), [(3, 1), (4, 1), (5, 2), (31, 15), (30, 14)])
def test_small_spaces_compare_as_many_neighbours_as_the_measures_allow(n, k):
    vectors = normalise(np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32))
    found = measure_faithfulness(vectors, vectors[:, :2])
    assert found.k == k
    assert 0 <= found.trustworthiness <= 1


def test_it_is_told_in_a_sentence(vectors):
    assert "nearest neighbours" in str(measure_faithfulness(vectors, vectors[:, :2]))
