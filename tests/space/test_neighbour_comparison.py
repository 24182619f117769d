import json

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import InvalidInputError


@pytest.fixture
def space():
    return nf.Space((f"k{number}" for number in range(80)), np.random.default_rng(0).normal(size=(80, 6)))


def test_the_overlap_is_neighbours_in_both_over_neighbours_in_either(space):
    other = nf.Space([f"k{number}" for number in range(79, 29, -1)], np.random.default_rng(1).normal(size=(50, 3)))
    found = nf.compare_neighbours(space, other, k=7)
    one, two = space.select([*other.keys]), other
    for key, jaccard in found.keys:
        near = [{name for name, _ in side.most_similar(key, k=7)} for side in (one, two)]
        assert jaccard == pytest.approx(len(near[0] & near[1]) / len(near[0] | near[1]))
    assert (found.shared, len(found.keys)) == (50, 50)
    values = [jaccard for _, jaccard in found.keys]
    assert values == sorted(values)
    assert found.jaccard.mean == pytest.approx(np.mean(values))
    assert found.jaccard.low < found.jaccard.mean < found.jaccard.high


def test_turning_and_stretching_a_space_changes_no_neighbours(space):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))[0]
    found = nf.compare_neighbours(space, nf.Space(space.keys, 5 * space.vectors @ turn), queries=20)
    assert found.jaccard.mean == 1
    assert (found.shared, len(found.keys)) == (80, 20)


def test_it_is_told_in_a_table_and_in_json(space):
    found = nf.compare_neighbours(space, nf.truncate(space, 3))
    assert found.keys[0].key in str(found)
    assert "80 shared keys; Jaccard of the 10 nearest neighbours: 0." in str(found)
    values = json.loads(json.dumps(found.to_json()))
    assert values["keys"][0] == {"key": found.keys[0].key, "jaccard": found.keys[0].jaccard}


@pytest.mark.parametrize("k", [0, 80])
def test_more_neighbours_than_there_are_keys_are_refused(space, k):
    with pytest.raises(InvalidInputError, match="below the 80 keys in common, got"):
        nf.compare_neighbours(space, space, k=k)


def test_no_key_and_no_query_are_refused(space):
    with pytest.raises(InvalidInputError, match="share no key"):
        nf.compare_neighbours(space, nf.Space(["x", "y"], np.eye(2)))
    with pytest.raises(InvalidInputError, match="queries must be at least 1, got 0"):
        nf.compare_neighbours(space, space, queries=0)
