"""The same vectors get the same scores from gensim's evaluators."""

import lzma
from pathlib import Path

import numpy as np
import pytest

import nearfield
from nearfield.data.word_sets import load_word_set, load_word_sets
from nearfield.evaluation.intrinsic import evaluate_intrinsic
from nearfield.space.space import Space

pytestmark = pytest.mark.peers

BUNDLED = Path(nearfield.__file__).parent / "data" / "bundled" / "words"
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def words():
    """Vectors of most words of the sets, mostly in lower case, near to each other as the words are spelt."""
    pairs, questions = load_word_sets(["wordsim-353", "google-analogies"])
    listed = dict.fromkeys([*(w for pair in pairs.pairs for w in pair), *(w for q in questions.questions for w in q)])
    rng = np.random.default_rng(0)
    keys = [word.lower() if rng.random() < 0.7 else word for word in listed if rng.random() < 0.95]
    keys = list(dict.fromkeys(keys))
    # A word's vector is made of its letters' vectors, so that the answers to some questions are right.
    letters = {letter: rng.normal(size=20) for letter in sorted({letter for key in keys for letter in key.lower()})}
    vectors = [sum(letters[letter] for letter in key.lower()) + 0.3 * rng.normal(size=20) for key in keys]
    return keys, np.array(vectors, np.float32)


@pytest.fixture(scope="module")
def peer(words):
    keyed_vectors = pytest.importorskip("gensim.models.keyedvectors")
    peer = keyed_vectors.KeyedVectors(20)
    peer.add_vectors(*words)
    return peer


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    found = {}
    for name in ("wordsim-353.tsv", "men.tsv", "google-analogies.txt"):
        found[name.partition(".")[0]] = folder / name
        text = lzma.decompress((BUNDLED / f"{name}.xz").read_bytes()).decode()
        (folder / name).write_text(text if name.endswith("txt") else text.replace(" ", "\t"))
    return found


OPTIONS = [
    ({"case": "ignore"}, {}),
    ({"case": "exact"}, {"case_insensitive": False}),
    ({"case": "ignore", "missing": "zero"}, {"dummy4unknown": True}),
    ({"case": "ignore", "vocabulary": 1000}, {"restrict_vocab": 1000}),
]


@pytest.mark.parametrize("name", ["wordsim-353", "men"])
@pytest.mark.parametrize(("ours", "theirs"), OPTIONS)
def test_correlations_are_those_of_gensim(words, peer, files, name, ours, theirs):
    report = evaluate_intrinsic(Space(*words), [name], resamples=100, **ours)
    pearson, spearman, unknown = peer.evaluate_word_pairs(str(files[name]), **theirs)
    assert report.score(name, "Spearman").estimate.mean == pytest.approx(spearman[0], abs=TOLERANCE)
    assert report.score(name, "Pearson").estimate.mean == pytest.approx(pearson[0], abs=TOLERANCE)
    result = report.result(name)
    assert 1 - result.covered / result.total == pytest.approx(unknown / 100)


@pytest.mark.parametrize(("ours", "theirs"), OPTIONS)
def test_accuracies_are_those_of_gensim(words, peer, files, ours, theirs):
    space = Space(*words)
    word_set = load_word_set("google-analogies")
    some = type(word_set)("some", word_set.questions[::40], word_set.sections[::40])
    path = files["google-analogies"].with_name("some.txt")
    lines = []
    for question, section in zip(some.questions, some.sections, strict=True):
        if f": {section}" not in lines:
            lines.append(f": {section}")
        lines.append(" ".join(question))
    path.write_text("\n".join(lines) + "\n")
    accuracy, sections = peer.evaluate_word_analogies(str(path), **theirs)
    report = evaluate_intrinsic(space, [some], resamples=100, **ours)
    assert accuracy > 0.05
    assert report.score("some", "accuracy, 3CosAdd").estimate.mean == pytest.approx(accuracy, abs=TOLERANCE)
    for section in sections[:-1]:
        asked = len(section["correct"]) + len(section["incorrect"])
        if asked:
            found = report.score("some", "accuracy, 3CosAdd", section["section"])
            assert (found.items, round(found.estimate.mean * asked)) == (asked, len(section["correct"]))
