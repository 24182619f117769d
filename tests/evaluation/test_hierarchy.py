import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from wordnet_extract import SYNSETS, write_wordnet

import nearfield as nf
from nearfield.errors import DataError, InvalidInputError, UnknownKeyError
from nearfield.evaluation.hypernym_direction import directions, hypernym_pairs
from nearfield.evaluation.taxonomy import taxonomy_of
from nearfield.evaluation.tree_agreement import (
    agreeing,
    agreements,
    correlation,
    dendrogram_purity,
    draw_triplets,
    joining_nodes,
    pair_scores,
    purities,
)

WORDS = ("dog", "wolf", "cat", "eagle", "crane", "mammal", "bird", "hoist", "beast", "zebra crossing", "Lassie")


@pytest.fixture(scope="module")
def wordnet(tmp_path_factory):
    return nf.read_wordnet(write_wordnet(tmp_path_factory.mktemp("wordnet")))


@pytest.fixture
def taxonomy(wordnet):
    return taxonomy_of(WORDS, wordnet, "animal", senses="first", most=100)


@pytest.fixture(scope="module")
def nouns():
    return nf.read_wordnet()


def perfect_space(taxonomy, noise=0.1):
    """Vectors that have a direction for each concept on a word's path, and one of their own."""
    concepts = sorted({concept for path in taxonomy.paths for concept in path})
    shared = np.array([[concept in path for concept in concepts] for path in taxonomy.paths], np.float32)
    return nf.Space(taxonomy.words, np.hstack([shared, noise * np.eye(len(taxonomy), dtype=np.float32)]))


def random_tree(count, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, 5))
    return nf.build_tree(nf.Space([f"w{number}" for number in range(count)], vectors))


def test_the_taxonomy_has_the_words_whose_first_sense_is_below_the_root(taxonomy, wordnet):
    assert taxonomy.words == ("dog", "wolf", "cat", "eagle", "crane", "mammal", "bird")
    named = [[wordnet.words[concept][0] for concept in path] for path in taxonomy.paths]
    assert named[0] == ["animal", "mammal", "canine", "dog"]  # by its first hypernym, not as a pet
    assert named[4] == ["animal", "bird", "crane"]
    dog, wolf, cat, eagle, *_, mammal, _ = range(7)
    assert taxonomy.shared_depths[[dog, dog, dog, dog], [wolf, cat, eagle, mammal]].tolist() == [3, 2, 1, 2]
    assert taxonomy.distances[dog, wolf] == pytest.approx(1 - 2 * 3 / 8)
    assert taxonomy.distances[dog, eagle] == pytest.approx(1 - 2 * 1 / 7)
    assert taxonomy.distances[dog, dog] == 0


def test_one_word_stands_for_a_concept_and_ambiguous_ones_can_be_left_out(wordnet):
    several = ["domestic dog", "dog", "Crane", "cat"]
    assert taxonomy_of(several, wordnet, "animal", senses="first", most=9).words == ("domestic dog", "Crane", "cat")
    assert taxonomy_of(several, wordnet, "animal", senses="only", most=9).words == ("domestic dog", "cat")
    hoists = taxonomy_of(["hoist", "crane"], wordnet, "artifact", senses="any", most=9)
    assert (hoists.words, [path[-1] for path in hoists.paths]) == (("hoist",), [wordnet.synset("hoist")])
    assert taxonomy_of(["crane"], wordnet, "artifact", senses="any", most=9).words == ("crane",)
    assert len(taxonomy_of(["crane"], wordnet, "artifact", senses="first", most=9)) == 0
    assert taxonomy_of(several, wordnet, "animal", senses="first", most=2).words == ("domestic dog", "Crane")
    assert len(taxonomy_of(["car"], wordnet, "animal", senses="first", most=9)) == 0


def test_classes_are_split_until_none_holds_more_than_a_fifth(nouns, taxonomy, wordnet):
    words = [nouns.words[synset][0] for synset in nouns.below(nouns.synset("animal"))]
    large = taxonomy_of(words, nouns, "animal", senses="first", most=300)
    _, sizes = np.unique(large.classes, return_counts=True)
    assert len(sizes) >= 5
    assert sizes.max() <= 60
    assert all(found in path for found, path in zip(large.classes, large.paths, strict=True))
    # Seven words: a fifth is one, so that every word becomes its own class.
    assert len(set(taxonomy.classes.tolist())) == 7


def test_a_circle_of_hypernyms_is_damage(tmp_path):
    circle = SYNSETS | {"mammal": (("mammal",), ("canine", "animal"), ())}
    wordnet = nf.read_wordnet(write_wordnet(tmp_path, circle))
    with pytest.raises(DataError, match=r"hypernyms of .* lead back to it"):
        taxonomy_of(["dog"], wordnet, "animal", senses="first", most=9)


def test_joining_nodes_purity_and_heights_are_those_of_a_plain_loop():
    tree = random_tree(15)
    classes = np.random.default_rng(1).integers(0, 4, 15)
    nodes, shares = joining_nodes(tree), purities(tree, classes)
    plain = []
    for one, other in itertools.combinations(range(15), 2):
        node = next(node for node in range(15, 29) if {one, other} <= set(tree.rows(node).tolist()))
        assert nodes[one, other] == nodes[other, one] == node
        if classes[one] == classes[other]:
            plain.append((classes[tree.rows(node)] == classes[one]).mean())
            assert shares[one, other] == plain[-1]
    assert dendrogram_purity(tree, classes) == pytest.approx(np.mean(plain))
    assert nodes[3, 3] == 3
    assert math.isnan(dendrogram_purity(tree, np.arange(15)))


def test_purity_of_a_worked_example():
    # Heller & Ghahramani's measure by hand: ((a a) b) a.
    tree = nf.Tree(
        space=nf.Space(list("wxyz"), np.eye(4)),
        linkage="average",
        metric="cosine",
        merges=np.array([[0, 1], [4, 2], [5, 3]]),
        heights=np.array([1.0, 2.0, 3.0]),
        cophenetic_correlation=1.0,
    )
    assert dendrogram_purity(tree, np.array([0, 0, 1, 0])) == pytest.approx((1 + 3 / 4 + 3 / 4) / 3)


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 30), st.integers(0, 999))
def test_rank_correlation_is_that_of_scipy_and_weights_of_one_change_nothing(count, seed):
    generator = np.random.default_rng(seed)
    one, other = (np.round(generator.random((count, count)), 1) for _ in range(2))
    one, other = one + one.T, other + other.T
    upper = np.triu_indices(count, 1)
    scores = pair_scores(one, other)
    expected = spearmanr(one[upper], other[upper]).statistic
    np.testing.assert_allclose(correlation(scores), [expected], atol=1e-9)
    np.testing.assert_allclose(correlation(scores, np.ones((2, count))), [expected] * 2, atol=1e-9)


def test_a_resample_counts_each_pair_as_often_as_its_words_are_drawn():
    generator = np.random.default_rng(0)
    one, other = (generator.random((6, 6)) for _ in range(2))
    one, other = one + one.T, other + other.T
    drawn = [0, 0, 1, 3, 3, 5]
    pairs = [(a, b) for a, b in itertools.combinations(drawn, 2) if a != b]
    scores = pair_scores(one, other)
    ranks = np.array([(scores.tree[pair], scores.taxonomy[pair]) for pair in pairs])
    weights = np.bincount(drawn, minlength=6)[None].astype(float)
    np.testing.assert_allclose(correlation(scores, weights), [np.corrcoef(ranks.T)[0, 1]])


def test_a_constant_distance_has_no_correlation():
    assert correlation(pair_scores(np.ones((5, 5)), random_tree(5).space.vectors @ np.eye(5))).tolist() == [0]


def test_triplets_name_the_odd_one_last_and_leave_ties_out(taxonomy):
    triplets = draw_triplets(taxonomy.shared_depths, seed=0, most=200)
    shared = taxonomy.shared_depths
    for one, other, odd in triplets:
        assert len({one, other, odd}) == 3
        assert shared[one, other] > max(shared[one, odd], shared[other, odd])
    assert len(triplets) == 200
    assert agreeing(triplets, -shared.astype(float)).all()
    assert not agreeing(triplets, np.ones_like(shared, float)).any()
    assert draw_triplets(np.ones((9, 9), np.int64), seed=0).shape == (0, 3)


def test_a_space_that_knows_the_taxonomy_agrees_with_it_and_a_random_one_does_not(nouns):
    words = [nouns.words[synset][0] for synset in nouns.below(nouns.synset("food.n.02"))]
    taxonomy = taxonomy_of(words, nouns, "food.n.02", senses="first", most=70)
    options = {"level": 0.95, "resamples": 100, "seed": 0}
    good = agreements(nf.build_tree(perfect_space(taxonomy)), taxonomy, **options)
    assert good["purity"].value > 0.9
    assert good["correlation"].value > 0.8
    assert good["triplets"].value > 0.95
    tree = nf.build_tree(nf.Space(taxonomy.words, np.random.default_rng(0).normal(size=(70, 20))))
    random = agreements(tree, taxonomy, **options)
    for name, found in good.items():
        assert found.low <= found.value <= found.high
        assert found.p == 1 / 200
        assert random[name].p > 0.01
        assert abs(random[name].value - random[name].chance) < 0.08
    again = agreements(tree, taxonomy, **options)
    assert [vars(found) for found in again.values()] == [vars(found) for found in random.values()]


def test_what_cannot_be_measured_is_no_number(taxonomy):
    # Each of the seven words is a class of its own.
    found = agreements(nf.build_tree(perfect_space(taxonomy)), taxonomy, level=0.95, resamples=100, seed=0)
    assert all(math.isnan(value) for value in vars(found["purity"]).values())
    assert found["correlation"].value > 0.8


def test_pairs_go_from_a_word_to_the_next_more_general_one_there_is(taxonomy):
    words = taxonomy.words
    named = [(words[one], words[above]) for one, above in hypernym_pairs(taxonomy)]
    assert named == [("dog", "mammal"), ("wolf", "mammal"), ("cat", "mammal"), ("eagle", "bird"), ("crane", "bird")]


def test_the_next_more_general_word_is_the_nearest_one_above(wordnet):
    known = taxonomy_of(["dog", "mammal", "canine", "cat"], wordnet, "animal", senses="first", most=9)
    named = [(known.words[one], known.words[above]) for one, above in hypernym_pairs(known)]
    assert named == [("dog", "canine"), ("canine", "mammal"), ("cat", "mammal")]


def test_the_more_general_word_is_told_by_centroid_length_order_and_spelling(taxonomy):
    vectors = np.ones((7, 2)) + np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0.1, 0], [0, 0.1]])
    vectors[5] *= 0.1  # only mammal is shorter than its kinds
    vectors[6] *= 10
    pairs, found = directions(nf.Space(taxonomy.words, vectors), taxonomy, level=0.95, resamples=200, seed=0)
    accuracy = {direction.rule: direction.accuracy for direction in found}
    assert len(pairs) == 5
    assert accuracy == {
        "nearer to the centroid": 1,
        "shorter vector": 3 / 5,
        "earlier in the space": 0,
        "fewer letters": 2 / 5,
    }
    assert all(direction.low <= direction.accuracy <= direction.high for direction in found)


def test_vectors_of_one_length_say_nothing_by_it_and_one_general_word_has_no_interval(wordnet):
    few = taxonomy_of(["dog", "wolf", "mammal"], wordnet, "animal", senses="first", most=9)
    _, found = directions(nf.Space(few.words, np.eye(3)), few, level=0.95, resamples=100, seed=0)
    assert "shorter vector" not in {direction.rule for direction in found}
    assert all(math.isnan(direction.low) and math.isnan(direction.high) for direction in found)
    leaves = taxonomy_of(["dog", "eagle"], wordnet, "animal", senses="first", most=9)
    pairs, none = directions(nf.Space(leaves.words, np.eye(2)), leaves, level=0.95, resamples=100, seed=0)
    assert (pairs.shape, none) == ((0, 2), ())


@pytest.fixture(scope="module")
def evaluated(nouns):
    words = [nouns.words[synset][0] for root in ("animal", "food.n.02") for synset in nouns.below(nouns.synset(root))]
    words = list(dict.fromkeys(words[:60] + words[-60:]))
    space = nf.Space(words, np.random.default_rng(0).normal(size=(len(words), 8)))
    told = []
    report = nf.evaluate_hierarchy(
        space, nouns, most=40, resamples=100, linkage="ward", metric="l2", progress=lambda *event: told.append(event)
    )
    assert told == [("roots", 1, 2), ("roots", 2, 2)]  # of the four by default, two have words here
    return report


def test_the_report_has_a_result_for_each_root_that_the_space_knows(evaluated, tmp_path):
    assert [result.root for result in evaluated.roots] == ["animal.n.01", "food.n.02"]
    animals = evaluated.roots[0]
    assert (animals.concepts, animals.words) == (3998, 37)
    assert [measured.measure for measured in animals.measures] == [
        "dendrogram purity",
        "rank correlation",
        "triplet agreement",
    ]
    assert 0 < animals.pairs < 40
    pairs = [found.words * (found.words - 1) for found in animals.classes]
    purity = np.average([found.purity for found in animals.classes], weights=pairs)
    assert animals.measures[0].agreement.value == pytest.approx(purity)
    text = str(evaluated)
    assert "animal.n.01: 37 words for its 3,998 kinds" in text
    assert "Ward linkage of l2 distances" in text
    assert max(map(len, text.splitlines())) <= 100
    assert json.dumps(evaluated.to_json(), allow_nan=False)
    assert evaluated.to_json()["roots"][0]["measures"][0]["without_tree"] is None
    evaluated.export(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Trees of words against WordNet: animal, food" in page
    assert "<svg" in page


def test_what_cannot_be_evaluated_is_refused(nouns):
    space = nf.Space(["dog", "cat", "stone"], np.eye(3))
    with pytest.raises(InvalidInputError, match="2 words below animal, and 10 are needed"):
        nf.evaluate_hierarchy(space, nouns, roots=["animal"])
    with pytest.raises(InvalidInputError, match="fewer than 10 words below each of animal"):
        nf.evaluate_hierarchy(space)
    with pytest.raises(InvalidInputError, match=r"no synset 'unicorn\.n\.09'"):
        nf.evaluate_hierarchy(space, nouns, roots=["unicorn.n.09"])
    with pytest.raises(InvalidInputError, match=r"write \['animal'\]"):
        nf.evaluate_hierarchy(space, nouns, roots="animal")
    with pytest.raises(InvalidInputError, match="roots must name at least one"):
        nf.evaluate_hierarchy(space, nouns, roots=[])
    with pytest.raises(InvalidInputError, match="senses must be one of first, only, any, got 'best'"):
        nf.evaluate_hierarchy(space, nouns, senses="best")
    with pytest.raises(InvalidInputError, match="most must be at least 10"):
        nf.evaluate_hierarchy(space, nouns, most=9)
    with pytest.raises(InvalidInputError, match="level must be between"):
        nf.evaluate_hierarchy(space, nouns, level=1)
    with pytest.raises(InvalidInputError, match="resamples must be at least 100"):
        nf.evaluate_hierarchy(space, nouns, resamples=9)
    with pytest.raises(DataError, match="no such folder"):
        nf.evaluate_hierarchy(space, "nowhere")
    with pytest.raises(UnknownKeyError):
        nf.build_tree(space, keys=["unicorn", "dog"])
