"""Training as its users call it."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_corpus import ANIMALS, NUMBERS, toy_sentences

import nearfield as nf
from nearfield.errors import CollectionBusyError, DataError, InvalidInputError, MissingExtraError, TrainingError
from nearfield.folder_lock import FolderLock
from nearfield.training.word2vec import run

SETTINGS = {"vector_size": 20, "epochs": 30, "sample": 0, "workers": 1}
WAYS = [
    {"sg": 1},
    {"sg": 0},
    {"sg": 1, "hs": 1, "negative": 0},
    {"sg": 0, "hs": 1, "negative": 0, "alpha": 0.2},
    {"sg": 1, "subwords": True, "bucket": 100},
    {"sg": 0, "subwords": True, "bucket": 100},
]


@pytest.mark.parametrize("way", WAYS)
def test_words_of_the_same_contexts_come_together(way):
    space = nf.train_word2vec(toy_sentences(), **SETTINGS, **way)
    within = np.mean([space.similarity(a, b) for group in (ANIMALS, NUMBERS) for a in group for b in group if a != b])
    across = np.mean([space.similarity(a, b) for a in ANIMALS for b in NUMBERS])
    assert within > across + 0.3
    assert space.about["losses"][-1] < space.about["losses"][0]


def test_a_space_says_what_it_was_trained_on():
    space = nf.train_word2vec(toy_sentences(), **SETTINGS, min_count=100, max_final_vocab=3)
    counts = {word: sum(s.count(word) for s in toy_sentences()) for word in ANIMALS + NUMBERS}
    assert dict(zip(space.keys, space.counts, strict=True)).items() <= counts.items()
    assert list(space.counts) == sorted(counts.values(), reverse=True)[:3]
    assert space.about["trained_by"] == "word2vec"
    assert space.about["options"]["max_final_vocab"] == 3
    assert len(space.about["losses"]) == 30


@pytest.mark.parametrize("way", WAYS)
def test_one_worker_and_the_same_seed_give_the_same_vectors_bit_for_bit(way):
    one, other, third = (
        nf.train_word2vec(toy_sentences(), **{**SETTINGS, "epochs": 2}, **way, seed=seed) for seed in (5, 5, 6)
    )
    assert one.vectors.tobytes() == other.vectors.tobytes()
    assert one.vectors.tobytes() != third.vectors.tobytes()


def test_unseen_words_have_vectors_with_subwords():
    space = nf.train_word2vec(toy_sentences(), **SETTINGS, sg=1, subwords=True, bucket=1000)
    assert "mousey" not in space
    assert space.similarity("mousey", "mouse") > space.similarity("mousey", "three")
    np.testing.assert_array_equal(space["mousey"], space.subwords.compose("mousey"))
    assert (space["cat"] != space.subwords.compose("cat")).any()  # a word of the corpus has a vector of its own too


def test_phrases_become_words():
    sentences = [["new", "york", *toy] for toy in toy_sentences()] + [["new"], ["york"]] * 20
    space = nf.train_word2vec(sentences, **{**SETTINGS, "epochs": 1}, phrases=1, phrase_threshold=0.015)
    assert "new_york" in space


def test_texts_are_cut_into_words(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(" ".join(s).title() + "!" for s in toy_sentences()))
    space = nf.train_word2vec(tmp_path, **{**SETTINGS, "epochs": 1})
    assert set(space.keys) == {*ANIMALS, *NUMBERS}


def test_progress_tells_words_and_loss():
    told = []
    nf.train_word2vec(toy_sentences(), **{**SETTINGS, "epochs": 2}, progress=lambda *state: told.append(state))
    assert told[0] == ("reading words", 3200, None)
    assert told[-3][1:] == (0, 6400)
    assert [(done, total) for _, done, total in told[-2:]] == [(3200, 6400), (6400, 6400)]
    assert all(what.startswith("training · loss 0.") for what, _, _ in told[-2:])


def test_learning_that_diverges_is_stopped_with_the_reason():
    with pytest.raises(TrainingError, match=r"learning diverges: the loss is .* give a smaller alpha than 200"):
        nf.train_word2vec(toy_sentences(), **SETTINGS, sg=1, alpha=200.0)


def test_a_vector_that_is_not_finite_is_never_given(monkeypatch):
    monkeypatch.setattr(run, "_check", lambda *loss: None)  # which looks at a sample
    with pytest.raises(TrainingError, match="a vector is not finite"):
        nf.train_word2vec(toy_sentences(), **SETTINGS, sg=1, alpha=1e38)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vector_size": 0}, "vector_size must be a whole number of at least 1, got 0"),
        ({"window": 2.5}, "window must be a whole number"),
        ({"window": 5000}, "window must be at most 1000"),
        ({"sg": 2}, "sg must be 0 or 1, got 2"),
        ({"hs": 1}, "choose one way to predict"),
        ({"negative": 0}, "choose one way to predict"),
        ({"alpha": 0.0}, "alpha must be above 0"),
        ({"alpha": float("nan")}, "alpha must be above 0"),
        ({"min_alpha": 1.0}, "min_alpha must be from 0 to alpha"),
        ({"sample": -1.0}, "sample must be at least 0"),
        ({"ns_exponent": 2.0}, "ns_exponent must be from -1 to 1"),
        ({"phrase_threshold": -1.0}, "phrase_threshold must be at least 0"),
        ({"min_n": 4, "max_n": 3}, "max_n must be at least min_n"),
        ({"max_final_vocab": 1}, "max_final_vocab must be a whole number of at least 2"),
        ({"workers": 0}, "workers must be at least 1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        nf.train_word2vec(toy_sentences(), **options)


def test_a_corpus_without_two_frequent_words_is_refused():
    with pytest.raises(DataError, match="the corpus: holds no words"):
        nf.train_word2vec([])


def test_without_numba_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtraError, match=r"needs numba: pip install 'nearfield\[train\]'"):
        nf.train_word2vec(toy_sentences())


def test_training_goes_on_from_a_checkpoint_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(run._SaveClock, "is_due", lambda clock: True)
    monkeypatch.setattr(run, "CHUNK_WORDS", 500)
    monkeypatch.setattr(run, "_ROUND_CHUNKS", 2)
    settings = {**SETTINGS, "epochs": 3}
    whole = nf.train_word2vec(toy_sentences(), **settings)
    for stop in (4, 9):  # rounds, in the first epoch and in the third

        def interrupt(what, done, total, stop=stop):
            if what.startswith("training ·") and done > stop * 1000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            nf.train_word2vec(toy_sentences(), **settings, work=tmp_path / "work", progress=interrupt)
    again = nf.train_word2vec(toy_sentences(), **settings, work=tmp_path / "work")
    assert again.vectors.tobytes() == whole.vectors.tobytes()
    assert again.about == whole.about
    assert len(list((tmp_path / "work").glob("inputs-*.npy"))) == 1


def test_training_goes_on_after_a_hard_kill(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CHUNK_WORDS", 500)  # as there
    command = [sys.executable, Path(__file__).with_name("killed_training.py"), tmp_path / "work"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        told = [int(child.stdout.readline()) for _ in range(20)][-2]  # after which a checkpoint was written
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert child.returncode != 0
    first = []

    def stop(what, done, total):
        if what.startswith("training · loss"):
            first.append(done)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nf.train_word2vec(
            toy_sentences(), vector_size=20, epochs=20_000, workers=1, work=tmp_path / "work", progress=stop
        )
    assert first[0] > told


def test_a_checkpoint_of_something_else_or_a_damaged_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(run._SaveClock, "is_due", lambda clock: True)
    work = tmp_path / "work"
    nf.train_word2vec(toy_sentences(), **SETTINGS, work=work)
    with pytest.raises(InvalidInputError, match="holds the training of something else: window 5 rather than 4"):
        nf.train_word2vec(toy_sentences(), **SETTINGS, window=4, work=work)
    with pytest.raises(InvalidInputError, match="something else: corpus"):
        nf.train_word2vec(toy_sentences(seed=1), **SETTINGS, work=work)
    lock = FolderLock(work)
    with pytest.raises(CollectionBusyError):
        nf.train_word2vec(toy_sentences(), **SETTINGS, work=work)
    lock.release()
    table = next(work.glob("inputs-*.npy"))
    table.write_bytes(table.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"inputs-\d+.npy: cannot be read"):
        nf.train_word2vec(toy_sentences(), **SETTINGS, work=work)
    (work / "checkpoint.json").write_text("{}")
    with pytest.raises(DataError, match=r"checkpoint.json: cannot be read"):
        nf.train_word2vec(toy_sentences(), **SETTINGS, work=work)
