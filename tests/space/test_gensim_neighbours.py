"""Same vectors, same answers as gensim."""

import numpy as np
import pytest

import nearfield as nf
from nearfield.space import nearest
from nearfield.space.analogy_questions import answer_analogies

pytestmark = [
    pytest.mark.peers,
    # gensim's own most_similar_cosmul calls what gensim deprecates.
    pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def sides():
    keyed = pytest.importorskip("gensim.models.keyedvectors")
    keys = [f"w{i}" for i in range(2000)]
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2000, 50)).astype(np.float32) * rng.uniform(0.5, 3, (2000, 1)).astype(np.float32)
    peer = keyed.KeyedVectors(50, count=0)
    peer.add_vectors(keys, vectors)
    peer.fill_norms()
    return nf.Space(keys, vectors), peer


def assert_equal(ours, theirs):
    assert [key for key, _ in ours] == [key for key, _ in theirs]
    np.testing.assert_allclose([s for _, s in ours], [s for _, s in theirs], rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize(
    ("positive", "negative"), [(["w1"], []), (["w1", "w2"], ["w3"]), (["w1", "w1", "w4"], ["w3", "w5"]), ([], ["w7"])]
)
def test_most_similar(sides, monkeypatch, coarse, positive, negative):
    space, peer = sides
    monkeypatch.setattr(nearest, "_SMALLEST_COPIED", 0 if coarse else 1 << 60)
    monkeypatch.setattr(nearest, "_SCANS_BEFORE_COPY", 0)
    space = nf.Space(space.keys, space.vectors)
    assert_equal(space.most_similar(positive, negative), peer.most_similar(positive, negative))
    assert_equal(
        space.first(500).most_similar(positive, negative), peer.most_similar(positive, negative, restrict_vocab=500)
    )
    if positive:
        ours = space.most_similar(positive, negative, method="3CosMul")
        assert_equal(ours, peer.most_similar_cosmul(positive, negative))
    vector = space["w9"] * 3
    assert_equal(space.most_similar(vector), peer.most_similar(vector))


def test_neighbours_of_many(sides):
    space, peer = sides
    keys = list(space.keys[:300])
    for key, found in zip(keys, space.neighbours_of(keys), strict=True):
        assert_equal(found, peer.most_similar(key))


def test_doesnt_match(sides):
    space, peer = sides
    rng = np.random.default_rng(1)
    for _ in range(50):
        keys = [f"w{i}" for i in rng.choice(2000, 6, replace=False)]
        assert space.doesnt_match(keys) == peer.doesnt_match(keys)


def test_similarity_and_distance(sides):
    space, peer = sides
    assert space.similarity("w1", "w2") == pytest.approx(float(peer.similarity("w1", "w2")), abs=1e-6)
    assert space.distance("w1", "w2") == pytest.approx(float(peer.distance("w1", "w2")), abs=1e-6)


@pytest.mark.parametrize(("method", "name"), [("3CosAdd", "most_similar"), ("3CosMul", "most_similar_cosmul")])
def test_a_set_of_analogies(sides, method, name):
    space, peer = sides
    questions = np.random.default_rng(2).integers(0, 2000, (200, 3))
    answers = answer_analogies(space.unit_vectors, questions, method=method)
    for (a, b, c), row in zip(questions.tolist(), answers.tolist(), strict=True):
        assert space.keys[row] == getattr(peer, name)([f"w{b}", f"w{c}"], [f"w{a}"], topn=1)[0][0]
