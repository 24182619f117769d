import json

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import nearfield as nf
from nearfield.arrays import normalise
from nearfield.errors import DataError, InvalidInputError
from nearfield.space.key_pairs import read_pairs
from nearfield.space.procrustes import fit_procrustes
from nearfield.space.translation import csls, ranks


def rotation(dim, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]


@pytest.fixture(scope="module")
def source():
    vectors = np.random.default_rng(1).normal(size=(300, 8))
    table = np.random.default_rng(2).normal(size=(20, 8)).astype(np.float32)
    return nf.Space((f"k{number}" for number in range(300)), vectors, subwords=nf.Subwords(table))


@pytest.fixture(scope="module")
def turned(source):
    """The source turned, except for ten keys, which have become something else."""
    vectors = source.vectors @ rotation(8)
    vectors[:10] = np.random.default_rng(3).normal(size=(10, 8))
    return nf.Space(source.keys, vectors)


@pytest.fixture(scope="module")
def alignment(source, turned):
    return nf.align(source, turned)


def test_an_exact_rotation_is_recovered_and_unseen_words_turn_with_it(source):
    found = nf.align(source, nf.Space(source.keys, 3 * source.vectors @ rotation(8)))
    np.testing.assert_allclose(found.map.matrix, rotation(8), atol=1e-5)
    np.testing.assert_allclose(found.aligned.vectors, source.vectors @ rotation(8), atol=1e-4)
    np.testing.assert_allclose(found.aligned["unseen"], source["unseen"] @ rotation(8), atol=1e-5)
    assert found.residual < 1e-5
    assert found.mean_cosine == pytest.approx(1)
    assert found.overlap.mean == 1
    assert {name: interval.mean for name, interval in found.precision.items()} == dict.fromkeys(found.precision, 1)


def test_the_keys_that_changed_stand_first(alignment):
    assert {change.source for change in alignment.changes[:10]} == {f"k{number}" for number in range(10)}
    cosines = [change.cosine for change in alignment.changes]
    assert cosines == sorted(cosines)
    assert cosines[9] < 0.9
    assert cosines[10] > 0.98
    assert 0.5 < alignment.overlap.mean < 1


def test_a_key_is_judged_by_a_map_that_does_not_know_it():
    vectors = np.random.default_rng(0).normal(size=(40, 16)), np.random.default_rng(1).normal(size=(40, 16))
    one, other = (nf.Space(map(str, range(40)), side) for side in vectors)
    found = nf.align(one, other, k=3)
    fitted = np.einsum("nd,nd->n", normalise(found.aligned.vectors), other.unit_vectors).mean()
    assert fitted > 0.35  # the map bends itself to what it was fitted on, noise as it is
    assert abs(found.mean_cosine) < 0.15
    assert found.precision["@1 cosine"].mean < 0.3


@pytest.mark.parametrize("scale", [False, True])
def test_without_normalising_it_is_scipys_procrustes(source, turned, scale):
    found = nf.align(source, turned, normalise_rows=False, scale=scale)
    matrix, factor = scipy.linalg.orthogonal_procrustes(source.vectors, turned.vectors)
    if scale:
        matrix = matrix * factor / (source.vectors**2).sum()
    np.testing.assert_allclose(found.map.matrix, matrix, atol=1e-5)
    apart = source.vectors @ matrix - turned.vectors
    assert found.residual == pytest.approx(float(np.sqrt((apart**2).sum(axis=1).mean())), rel=1e-5)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_the_map_is_orthogonal_whatever_the_dimensions(dim, other, seed):
    generator = np.random.default_rng(seed)
    one, two = (generator.normal(size=(12, d)).astype(np.float32) for d in (dim, other))
    matrix = fit_procrustes(one, two).matrix
    shorter = matrix.T @ matrix if dim >= other else matrix @ matrix.T
    np.testing.assert_allclose(shorter, np.eye(min(dim, other)), atol=1e-9)


def test_nothing_to_scale_gives_a_factor_of_one():
    matrix = fit_procrustes(np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32), scale=True).matrix
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-9)


@pytest.mark.parametrize("dims", [(8, 12), (12, 8)])
def test_spaces_of_different_dimensions_are_aligned(dims):
    hidden = np.random.default_rng(0).normal(size=(200, 6))
    sides = [hidden @ rotation(dim, seed=dim)[:6] for dim in dims]
    one, other = (nf.Space(map(str, range(200)), side) for side in sides)
    found = nf.align(one, other)
    assert found.aligned.dim == dims[1]
    assert found.mean_cosine == pytest.approx(1, abs=1e-5)


def test_a_dictionary_pairs_other_keys_and_counts_what_is_missing(source):
    target = nf.Space((f"z{number}" for number in range(300)), source.vectors @ rotation(8))
    pairs = [(f"k{number}", f"z{number}") for number in range(100)]
    more = [("k0", "z0"), ("k1", "z299"), ("nowhere", "z1"), ("k2", "nowhere")]
    found = nf.align(source, target, pairs=[*pairs, *more], candidates=1)
    assert (len(found.changes), found.missing) == (101, 2)
    assert found.changes[0][:2] == ("k1", "z299")
    assert found.held_out == 20
    assert found.candidates <= 22
    assert found.precision["@1 csls"].mean == 1
    assert "k1 → z299" in str(found)
    assert "2 pairs left out" in str(found)


def test_a_key_that_stands_in_several_pairs_is_not_its_own_neighbour(source):
    target = nf.Space((f"z{number}" for number in range(300)), source.vectors @ rotation(8))
    pairs = [(f"k{number}", f"z{number}") for number in range(200)]
    several = [
        *((f"k{number}", "z0") for number in range(200, 230)),
        *(("k0", f"z{number}") for number in range(200, 230)),
    ]
    assert nf.align(source, target, pairs=[*pairs, *several]).overlap.mean == 1


def test_the_same_seed_gives_the_same(source, turned, alignment):
    again = nf.align(source, turned)
    assert again.to_json() == alignment.to_json()


def test_it_is_told_in_a_table_and_in_json(alignment):
    values = json.loads(json.dumps(alignment.to_json(show=3), allow_nan=False))
    assert [len(values[name]) for name in ("most_changed", "least_changed")] == [3, 3]
    assert values["least_changed"][0]["cosine"] == alignment.changes[-1].cosine
    assert len(alignment.to_json()["most_changed"]) == values["pairs"] == 300
    shown = alignment.to_text(show=2)
    assert alignment.changes[0].source in shown
    assert alignment.changes[-1].source in shown
    assert "precision@5 csls" in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pairs": [("k1", "k1")] * 50}, "rotation in 8 dimensions needs at least 10 pairs, of different keys, got 1"),
        ({"pairs": [("k1", "x"), ("x", "k1")]}, "none of the 2 pairs has its keys"),
        ({"pairs": []}, "none of the 0 pairs"),
        ({"k": 300}, "k must be at least 1 and below the 300 keys in common, got 300"),
        ({"queries": 0}, "queries must be at least 1, got 0"),
        ({"candidates": 0}, "candidates must be at least 1, got 0"),
    ],
)
def test_options_that_cannot_be_met_are_refused(source, turned, options, words):
    with pytest.raises(InvalidInputError, match=words):
        nf.align(source, turned, **options)


def test_spaces_without_a_key_in_common_are_refused(source):
    with pytest.raises(InvalidInputError, match=r"share no key \(one has 'k0', 'k1', 'k2', the other 'x'\)"):
        nf.align(source, nf.Space(["x"], [[1.0] * 8]))


def test_csls_is_twice_the_cosine_less_both_neighbourhoods():
    generator = np.random.default_rng(0)
    queries, candidates, sources = (normalise(generator.normal(size=(n, 4)).astype(np.float32)) for n in (3, 30, 40))
    scores = csls(queries, candidates, sources)
    cosines, back = queries @ candidates.T, candidates @ sources.T
    for q in range(3):
        for c in range(30):
            near = np.sort(cosines[q])[-10:].mean() + np.sort(back[c])[-10:].mean()
            assert scores[q, c] == pytest.approx(2 * cosines[q, c] - near, abs=1e-5)


def test_csls_finds_what_a_hub_hides():
    queries = normalise(np.array([[1.0, 0.3, 0], [0.3, 1.0, 0]], np.float32))
    hub = normalise(np.array([[1.0, 1.0, 0.0]], np.float32))
    candidates = np.vstack([normalise(np.array([[1.0, 0, 0.6], [0, 1.0, 0.6]], np.float32)), hub])
    assert (queries @ candidates.T).argmax(axis=1).tolist() == [2, 2]
    assert csls(queries, candidates, queries).argmax(axis=1).tolist() == [0, 1]


def test_the_rank_is_how_many_wrong_ones_score_as_high_as_the_best_right_one():
    scores = np.array([[0.9, 0.5, 0.5, 0.1], [0.2, 0.2, 0.2, 0.2], [0.1, 0.2, 0.3, 0.4]])
    right = [np.array([1]), np.array([0, 1]), np.array([0, 3])]
    assert ranks(scores, right).tolist() == [2, 2, 0]


def test_pairs_are_read_from_a_file(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("Katze\tcat\n\nNew York\tnew york\nHund dog\n", encoding="utf-8")
    assert read_pairs(path) == [("Katze", "cat"), ("New York", "new york"), ("Hund", "dog")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"cat\n", r"pairs.tsv:1: must be two keys"),
        (b"a\tb\na\t\n", r":2: must be two"),
        (b"\n", "holds no pair"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_file_that_holds_no_pairs_is_refused(tmp_path, content, words):
    (tmp_path / "pairs.tsv").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_pairs(tmp_path / "pairs.tsv")
