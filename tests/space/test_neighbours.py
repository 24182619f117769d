"""Neighbours and analogies of a space against a plain float64 search that looks at every row."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nearfield as nf
import nearfield.space
from nearfield.errors import InvalidInputError, UnknownKeyError
from nearfield.space import nearest
from nearfield.space.nearest import RowSearch

METRICS = ("cosine", "dot", "l2")
METHODS = ("3CosAdd", "3CosMul", "PairDirection")


@pytest.fixture
def royals():
    """A space in which the words differ by two directions: rank and gender."""
    keys = ["king", "queen", "man", "woman", "apple"]
    return nf.Space(keys, [[2, 2, 0.1], [2, -2, 0.1], [0.2, 2, 0.5], [0.2, -2, 0.5], [0, 0.1, 3]])


def unit(vectors):
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def plain_scores(vectors, query, metric):
    x, q = vectors.astype(np.float64), query.astype(np.float64)
    if metric == "cosine":
        return unit(x) @ unit(q)
    return x @ q if metric == "dot" else -np.linalg.norm(x - q, axis=1)


def plain_analogy(vectors, positive, negative, method):
    x, near, far = unit(vectors), unit(positive), unit(np.reshape(negative, (-1, vectors.shape[1])))
    if method == "3CosAdd":
        return x @ unit(near.sum(axis=0) - far.sum(axis=0))
    if method == "3CosMul":
        return ((1 + x @ near.T) / 2).prod(axis=1) / (((1 + x @ far.T) / 2).prod(axis=1) + 1e-6)
    (b, c), (a,) = near, far
    lengths = np.linalg.norm(x - c, axis=1)
    return np.divide((x - c) @ unit(b - a), lengths, out=np.zeros(len(x)), where=lengths > 1e-12)


def assert_best(found, scores, excluded, k, tolerance=1e-9):
    """Check keys named by their rows: the right number, scores, order, and none better was missed."""
    rows = [int(key) for key, _ in found]
    left = [row for row in range(len(scores)) if row not in excluded]
    assert len(rows) == len(set(rows)) == min(k, len(left))
    assert not set(rows) & set(excluded)
    np.testing.assert_allclose([score for _, score in found], scores[rows], rtol=tolerance, atol=tolerance)
    given_scores = [score for _, score in found]
    assert all((-a, i) < (-b, j) for a, b, i, j in zip(given_scores, given_scores[1:], rows, rows[1:], strict=False))
    missed = set(left) - set(rows)
    if missed and rows:
        worst = scores[rows[-1]]
        assert max(scores[list(missed)]) <= worst + tolerance * max(1, abs(worst))


@st.composite
def spaces(draw, most_dim=6):
    """Small spaces in which rows repeat, rows are nearly equal, and lengths differ."""
    n, dim = draw(st.integers(1, 30)), draw(st.integers(2, most_dim))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    vectors = rng.standard_normal((n, dim)) * rng.choice([0.01, 1, 30], (n, 1))
    vectors[n // 2 :: 2] = vectors[0]
    vectors[n // 3 :: 5] = vectors[0] + 1e-6
    return nf.Space(map(str, range(n)), vectors)


@pytest.fixture(params=["float32", "coarse", "float64"])
def scan(request, monkeypatch):
    """Have every scan go its way although the spaces are small."""
    if request.param == "coarse":
        monkeypatch.setattr(nearest, "_SMALLEST_COPIED", 0)
        monkeypatch.setattr(nearest, "_SCANS_BEFORE_COPY", 0)
        monkeypatch.setattr(nearest, "_MOST_RESCORED", 1)
    if request.param == "float64":
        monkeypatch.setattr(nearest, "_TAMEST", 1e30)
    return request.param


@pytest.mark.parametrize("metric", METRICS)
@given(space=spaces(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_neighbours_of_keys_and_vectors_are_those_of_a_plain_search(metric, space, data):
    k, m = data.draw(st.integers(1, 12)), data.draw(st.integers(0, 5))
    rows = data.draw(st.lists(st.integers(0, len(space) - 1), min_size=m, max_size=m))
    with pytest.MonkeyPatch.context() as patch:  # several blocks of rows and of queries, and crowded pools
        patch.setattr(nearest, "_FEW", data.draw(st.integers(0, 3)))
        patch.setattr(nearest, "_FEWEST_ROWS", 3)
        patch.setattr(nearest, "_QUERIES_AT_ONCE", 2)
        patch.setattr(nearest, "_SPARE", data.draw(st.integers(0, 3)))
        by_key = space.neighbours_of([str(row) for row in rows], k=k, metric=metric)
        by_vector = space.neighbours_of(space.vectors[rows], k=k, metric=metric)
    assert len(by_key) == len(by_vector) == m
    for row, near, near_too in zip(rows, by_key, by_vector, strict=True):
        scores = plain_scores(space.vectors, space.vectors[row], metric)
        assert_best(near, scores, {row}, k)
        assert_best(near_too, scores, set(), k)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", [3, 64, 100])
def test_every_scan_finds_the_same(scan, metric, dim):
    rng = np.random.default_rng(dim)
    vectors = rng.standard_normal((300, dim)).astype(np.float32)
    vectors[100:120] = vectors[7]
    vectors[200:220] *= 1e-3
    space = nf.Space(map(str, range(300)), vectors)
    for row in (7, 8, 210):
        (found,) = space.neighbours_of([str(row)], k=25, metric=metric)
        assert_best(found, plain_scores(space.vectors, space.vectors[row], metric), {row}, 25)
    assert space.most_similar("7", k=20) == [(str(row), 1.0) for row in range(100, 120)]
    used = space._search._coarse
    assert (used is not None) == (scan == "coarse")


@pytest.mark.parametrize("method", METHODS)
@given(space=spaces(), data=st.data())
@settings(max_examples=30, deadline=None)
def test_analogies_are_those_of_a_plain_search(method, space, data):
    row = st.integers(0, len(space) - 1)
    most = (2, 1) if method == "PairDirection" else (3, 2)
    least = (2, 1) if method == "PairDirection" else (1, 0)
    positive = data.draw(st.lists(row, min_size=least[0], max_size=most[0]))
    negative = data.draw(st.lists(row, min_size=least[1], max_size=most[1]))
    k = data.draw(st.integers(1, 40))
    near, far = space.vectors[positive], space.vectors[negative]
    total = unit(near)[0] - unit(far)[0] if method == "PairDirection" else unit(near).sum(0) - unit(far).sum(0)
    if method != "3CosMul" and np.linalg.norm(total) < 1e-5:
        return  # nearly nothing is left, so rounding decides
    found = space.most_similar([str(i) for i in positive], [str(i) for i in negative], k=k, method=method)
    scores = plain_analogy(space.vectors, near, far, method)
    # Nearly equal vectors have hardly a direction between them.
    assert_best(found, scores, {*positive, *negative}, k, tolerance=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_woman_is_to_queen_as_man_is_to_king(royals, scan, method):
    best = royals.most_similar(["king", "woman"], ["man"], k=1, method=method)
    assert best[0].key == "queen"
    # What was asked with by its vector may be an answer, as nobody said that it is that key.
    mixed = royals.most_similar([royals["king"], "woman"], royals["man"], k=9, method=method)
    assert {key for key, _ in mixed} == {"king", "queen", "man", "apple"}


def test_terms_may_be_vectors_of_any_length(royals):
    by_key = royals.most_similar(["king", "woman"], "man", k=1)
    by_vector = royals.most_similar([royals["king"] * 7, "woman"], royals["man"] / 3, k=5)
    assert dict(by_vector)["queen"] == pytest.approx(by_key[0].score)
    assert royals.most_similar(royals["king"])[0] == ("king", pytest.approx(1))


def test_negatives_alone_ask_for_the_opposite(royals):
    assert royals.most_similar(negative="king", k=1) == [("woman", pytest.approx(-royals.similarity("king", "woman")))]


def test_the_one_key_of_a_space_has_no_neighbours_and_an_empty_space_none_for_anything():
    one = nf.Space(["a"], [[1, 2]])
    assert one.most_similar("a") == []
    assert one.neighbours_of(["a"]) == [[]]
    assert nf.Space([], np.empty((0, 2))).neighbours_of(np.ones((3, 2))) == [[], [], []]


def test_a_key_may_be_asked_with_twice(royals):
    twice = royals.most_similar(["king", "king", "woman"], k=3)
    assert [key for key, _ in twice] == ["queen", "man", "apple"]


def test_an_unseen_word_is_asked_with_by_its_n_grams():
    table = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    space = nf.Space(["cat", "dog", "car"], np.eye(3, 4), subwords=nf.Subwords(table))
    expected = space.most_similar(space["catty"], k=3)
    assert space.most_similar("catty", k=3) == expected
    assert space.neighbours_of(["catty", "cat"], k=3)[0] == expected
    assert space.doesnt_match(["cat", "catty", "dog"]) in ("cat", "catty", "dog")


@pytest.mark.parametrize("metric", METRICS)
def test_a_memory_mapped_space_answers_alike(tmp_path, scan, metric):
    space = nf.Space(map(str, range(40)), np.random.default_rng(0).standard_normal((40, 5)))
    space.save(tmp_path / "a.space")
    again = nf.load_space(tmp_path / "a.space")
    assert again.neighbours_of(["3", "4"], metric=metric) == space.neighbours_of(["3", "4"], metric=metric)
    assert again.first(9).most_similar("3") == space.first(9).most_similar("3")


def test_very_long_and_very_short_vectors_are_told_apart():
    space = nf.Space(["a", "b", "c", "d"], np.array([[3e38, 0], [2e38, 2e38], [1e-40, 2e-40], [0, 1e-44]]))
    assert [key for key, _ in space.most_similar("a")] == ["b", "c", "d"]
    assert [key for key, _ in space.neighbours_of(["c", "d"])[0]] == ["b", "d", "a"]
    assert space.most_similar(["a", "d"], ["b"], method="PairDirection", k=1)[0].key == "c"


def test_most_similar_goes_on_without_numba(monkeypatch, caplog):
    monkeypatch.setattr(nearest, "_SMALLEST_COPIED", 0)
    monkeypatch.delattr(nearfield.space, "coarse_kernels", raising=False)
    monkeypatch.setitem(sys.modules, "nearfield.space.coarse_kernels", None)
    space = nf.Space(map(str, range(9)), np.random.default_rng(0).standard_normal((9, 3)))
    with caplog.at_level("INFO", "nearfield.space.nearest"):
        answers = [space.most_similar("3") for _ in range(20)]
    assert answers.count(answers[0]) == 20
    assert len(caplog.records) == 1


def test_the_coarse_copy_is_made_once_after_some_scans(monkeypatch):
    monkeypatch.setattr(nearest, "_SMALLEST_COPIED", 0)
    vectors = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
    search = RowSearch(vectors, np.linalg.norm(vectors.astype(np.float64), axis=1))
    made = []
    for _ in range(18):
        search.nearest(vectors[0].astype(np.float64), k=3, metric="cosine", excluded=np.array([0]))
        made.append(search._coarse)
    assert made[:16] == [None] * 16
    assert made[16] is made[17] is not None


def test_rows_too_alike_for_eight_bits_are_told_apart(scan, monkeypatch):
    monkeypatch.setattr(nearest, "_MOST_RESCORED", 1 / 8)
    vectors = np.ones((500, 16)) + np.random.default_rng(0).standard_normal((500, 16)) * 1e-4
    space = nf.Space(map(str, range(500)), vectors)
    assert_best(space.most_similar("5"), plain_scores(space.vectors, space.vectors[5], "cosine"), {5}, 10, 1e-12)


def test_the_odd_one_is_farthest_from_the_mean_of_directions(royals):
    assert royals.doesnt_match(["king", "apple", "man"]) == "apple"
    assert royals.doesnt_match(["apple", "apple", "apple"]) == "apple"
    long = nf.Space(["a", "b", "c"], [[100, 0], [1, 0.1], [0, 50]])
    assert long.doesnt_match(["c", "a", "b"]) == "c"  # lengths count for nothing


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: s.most_similar(), "needs at least one key"),
        (lambda s: s.most_similar("king", k=0), "k must be at least 1, got 0"),
        (lambda s: s.most_similar("king", method="4CosAdd"), "3CosMul, PairDirection, got '4CosAdd'"),
        (lambda s: s.most_similar("king", "king"), "cancel out"),
        (lambda s: s.most_similar(["king", "man"], "king", method="PairDirection"), "cancel out"),
        (lambda s: s.most_similar(["king", "man"], method="PairDirection"), "got 2 positive and 0 negative"),
        (lambda s: s.most_similar(negative="king", method="3CosMul"), "at least one positive key"),
        (lambda s: s.most_similar([("king", 0.5)]), r"keys or vectors, got tuple: \('king', 0.5\)"),
        (lambda s: s.most_similar(np.zeros(3)), "zero, so it has no direction"),
        (lambda s: s.most_similar(np.ones(4)), "must have 3 dimensions, got 4"),
        (lambda s: s.most_similar(np.array([1, np.nan, 0])), "must be finite"),
        (lambda s: s.neighbours_of("king"), r"write \[key\]"),
        (lambda s: s.neighbours_of(["king"], metric="cos"), "one of cosine, dot, l2, got 'cos'"),
        (lambda s: s.neighbours_of(["king"], k=-1), "k must be at least 1, got -1"),
        (lambda s: s.neighbours_of(np.array([[1, 2, 3], [0, 0, 0]])), "row 1 of the queries is zero"),
        (lambda s: s.doesnt_match(["king", "queen"]), "at least 3 keys, got 2"),
    ],
)
def test_what_cannot_be_answered_is_refused(royals, ask, message):
    with pytest.raises(InvalidInputError, match=message):
        ask(royals)


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.most_similar("kimg"),
        lambda s: s.most_similar("king", ["kimg"]),
        lambda s: s.neighbours_of(["king", "kimg"]),
        lambda s: s.doesnt_match(["king", "queen", "kimg"]),
    ],
)
def test_an_unknown_key_names_the_nearest(royals, ask):
    with pytest.raises(UnknownKeyError, match="'kimg' is not among the 5 keys; near it are: 'king'"):
        ask(royals)


def test_a_zero_query_has_products_and_distances(royals):
    (dots,) = royals.neighbours_of(np.zeros((1, 3)), metric="dot")
    assert dots == [(key, 0) for key in royals.keys]
    many = royals.neighbours_of(np.zeros((20, 3)), metric="l2", k=1)
    assert [found[0].key for found in many] == ["man"] * 20
