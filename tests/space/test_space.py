import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import InvalidInputError, UnknownKeyError


@pytest.fixture
def animals():
    return nf.Space(["cat", "dog", "car"], [[1, 0, 0], [0.8, 0.6, 0], [0, 0, 2]], counts=[5, 3, 2])


def test_a_space_gives_vectors_similarities_and_neighbours(animals):
    np.testing.assert_array_equal(animals["cat"], [1, 0, 0])
    assert animals.similarity("cat", "dog") == pytest.approx(0.8)
    assert animals.distance("cat", "car", metric="l2") == pytest.approx(5**0.5)
    assert animals.most_similar("cat", k=5) == [("dog", pytest.approx(0.8)), ("car", 0.0)]


def test_a_space_comes_back_from_its_folder_memory_mapped(animals, tmp_path):
    animals.save(tmp_path / "a.space")
    animals.save(tmp_path / "a.space")  # replaces
    again = nf.load_space(tmp_path / "a.space")
    assert list(again.keys) == ["cat", "dog", "car"]
    assert again.keys.position("dog") == 1
    assert "bird" not in again
    np.testing.assert_array_equal(again.vectors, animals.vectors)
    np.testing.assert_array_equal(again.counts, [5, 3, 2])
    assert [path.name for path in tmp_path.iterdir()] == ["a.space"]


def test_an_unknown_key_names_the_nearest(animals):
    with pytest.raises(UnknownKeyError, match="'cta' is not among the 3 keys; near it are: 'cat'"):
        animals["cta"]
    with pytest.raises(KeyError):
        animals["quantum"]


def test_what_has_no_direction_or_stands_twice_is_refused():
    with pytest.raises(InvalidInputError, match="vector of 'b' is zero"):
        nf.Space(["a", "b"], [[1, 0], [0, 0]])
    with pytest.raises(InvalidInputError, match="'a' is number 0 and number 2"):
        nf.Space(["a", "b", "a"], np.eye(3))


@pytest.mark.parametrize(
    ("metric", "expected"), [("cosine", [0.8, 0]), ("dot", [0.8, 0]), ("l2", [-(0.4**0.5), -(5**0.5)])]
)
def test_many_pairs_are_compared_at_once(animals, metric, expected):
    pairs = [("cat", "dog"), ("dog", "car")]
    np.testing.assert_allclose(animals.similarities(pairs, metric=metric), expected, rtol=1e-6, atol=1e-12)
    assert [animals.similarity(*pair, metric=metric) for pair in pairs] == animals.similarities(
        pairs, metric=metric
    ).tolist()
    assert animals.similarities([]).shape == (0,)
    with pytest.raises(UnknownKeyError, match="'cta'"):
        animals.similarities([("cat", "dog"), ("cta", "dog")])
    with pytest.raises(InvalidInputError, match="metric must be one of"):
        animals.similarities(pairs, metric="angle")
