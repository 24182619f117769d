"""The whole way from a teacher's folder and texts to an encoder that agrees with it."""

import dataclasses
import json
import sys

import numpy as np
import pytest
from tiny_bert import WORDS
from tiny_bert import write_folder as write_bert
from tiny_static import PIECES, word_pieces

import nearfield as nf
from nearfield.cli import main
from nearfield.errors import InvalidInputError, MissingExtraError, StorageError
from nearfield.training.distill import principal_directions

OPTIONS = nf.DistillOptions(dim=4, vocabulary=60, epochs=20, batch=32, learning_rate=0.05, dtype="float32")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A tiny BERT that cuts texts into word pieces."""
    folder = write_bert(tmp_path_factory.mktemp("teacher"))
    word_pieces().save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    words = ["tap", "drip", "abc", "bad", "cab", "ha", "gag"]
    return [" ".join(rng.choice(words, rng.integers(1, 6))) for _ in range(320)]


def agreement(student, teacher, texts):
    """Correlation of the similarities between texts in the two spaces."""
    ours, theirs = (encoder.encode(texts) for encoder in (student, teacher))
    pairs = np.triu_indices(len(texts), 1)
    return np.corrcoef((ours @ ours.T)[pairs], (theirs @ theirs.T)[pairs])[0, 1]


def test_a_student_agrees_with_its_teacher(tmp_path, teacher, texts):
    told = []
    student = nf.distill(teacher, texts, tmp_path / "m", options=OPTIONS, progress=lambda *step: told.append(step[0]))
    start = nf.distill(teacher, texts, tmp_path / "0", options=dataclasses.replace(OPTIONS, learning_rate=1e-9))
    reached, began = (agreement(encoder, nf.load_encoder(teacher), texts[:100]) for encoder in (student, start))
    # This teacher's vectors follow the order of words, which no table can.
    assert reached > max(0.5, began + 0.1)
    assert list(dict.fromkeys(told)) == ["fitting the vocabulary", "encoding", "counting tokens", "fitting"]
    assert student.spec.fingerprint == nf.load_encoder(tmp_path / "m").spec.fingerprint
    written = json.loads((tmp_path / "m" / "config.json").read_text())
    assert (written["texts"], written["options"]["epochs"]) == (320, 20)


def test_the_same_seed_gives_the_same_encoder(tmp_path, teacher, texts):
    first, second = (nf.distill(teacher, texts, tmp_path / name, options=OPTIONS, work=tmp_path / "w") for name in "ab")
    assert first.spec.fingerprint == second.spec.fingerprint


def test_the_command_distils_from_a_text_file(tmp_path, teacher, texts, capsys):
    (tmp_path / "texts.txt").write_text("\n".join(texts * 4) + "\n\n")
    arguments = ["train", "distill", str(teacher), str(tmp_path / "texts.txt"), "-o", str(tmp_path / "m")]
    main([*arguments, "--dim", "4", "--vocabulary", "60", "--epochs", "1"], standalone_mode=False)
    assert "4 dimensions" in capsys.readouterr().out
    assert nf.load_encoder(tmp_path / "m").encode(["tap"]).shape == (1, 4)


def test_directions_keep_the_most_of_vectors_lengths():
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(500, 3)) * [1, 5, 3] @ np.linalg.qr(rng.normal(size=(3, 3)))[0]).astype(np.float16)
    found = principal_directions(vectors, 2)
    _, _, expected = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    np.testing.assert_allclose(np.abs(np.sum(found * expected[:2].T, axis=0)), [1, 1], atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 9}, "dim must be at most the teacher's 8, got 9"),
        ({"dim": 0}, "dim must be at least 1, got 0"),
        ({"dtype": "int4"}, "dtype must be int8, float16 or float32, got 'int4'"),
        ({"learning_rate": 2.0}, "learning_rate must be between 0 and 1"),
        ({"batch": 1000}, "320 texts are fewer than one batch of 1,000; give more texts"),
    ],
)
def test_what_cannot_be_distilled_is_refused(tmp_path, teacher, texts, options, message):
    with pytest.raises(InvalidInputError, match=message):
        nf.distill(teacher, texts, tmp_path / "m", options=nf.DistillOptions(**({"batch": 32} | options)))
    assert not (tmp_path / "m").exists()


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path, teacher, texts):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is no folder that can be written to; choose another"):
        nf.distill(teacher, texts, tmp_path / "file" / "m", options=OPTIONS)


def test_a_service_is_no_teacher(tmp_path, texts):
    with pytest.raises(InvalidInputError, match="is a service, which does not tell its tokeniser"):
        nf.distill("openai:text-embedding-3-small", texts, tmp_path / "m", options=OPTIONS)


def test_a_static_encoder_is_no_teacher(tmp_path, texts):
    with pytest.raises(InvalidInputError, match="nearfield-static is static itself; choose a transformer"):
        nf.distill("nearfield-static", texts, tmp_path / "m", options=OPTIONS)


def test_a_teachers_name_may_have_options(tmp_path, teacher, texts):
    student = nf.distill(f"{teacher}@dim=6", texts, tmp_path / "m", options=dataclasses.replace(OPTIONS, epochs=1))
    assert student.spec.dim == 4


def test_without_scipy_the_command_to_install_it_is_told(tmp_path, teacher, texts, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[train\]'"):
        nf.distill(teacher, texts, tmp_path / "m", options=OPTIONS)


def test_the_tiny_teachers_vocabulary_holds_its_tokenisers():
    assert len(PIECES) <= 4 + len(WORDS)
