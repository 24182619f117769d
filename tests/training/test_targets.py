import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.errors import InvalidInputError, StorageError
from nearfield.training import targets
from nearfield.training.targets import teacher_targets

TEXTS = [f"text {n}" for n in range(10)]


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(targets, "SHARD_TEXTS", 4)


def test_targets_are_the_teachers_vectors_in_half_precision(tmp_path, encoder):
    told = []
    found = teacher_targets(encoder, TEXTS, tmp_path / "w", progress=lambda *step: told.append(step))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, encoder.encode(TEXTS), atol=1e-3)
    assert told[-1] == ("encoding", 10, 10)


def test_targets_have_length_1_whatever_the_teachers_have(tmp_path):
    class Long(HashEncoder):
        def encode_document(self, texts, *, progress):
            return 7 * self.encode(texts)

    np.testing.assert_allclose(teacher_targets(Long(), TEXTS, tmp_path), HashEncoder().encode(TEXTS), atol=1e-3)


def test_a_zero_vector_is_refused_with_its_text(tmp_path):
    class Zero(HashEncoder):
        def encode_document(self, texts, *, progress):
            return self.encode(texts) * np.array([text != "text 5" for text in texts], np.float32)[:, None]

    with pytest.raises(InvalidInputError, match=r"gives texts\[5\] a zero vector"):
        teacher_targets(Zero(), TEXTS, tmp_path)


def test_what_was_encoded_before_an_interruption_is_not_encoded_again(tmp_path, monkeypatch):
    class Interrupted(HashEncoder):
        def encode_document(self, texts, *, progress):
            if self.encoded >= 8:
                raise KeyboardInterrupt
            return self.encode(texts)

    with pytest.raises(KeyboardInterrupt):
        teacher_targets(Interrupted(), TEXTS, tmp_path)
    teacher = HashEncoder()
    np.testing.assert_allclose(teacher_targets(teacher, TEXTS, tmp_path), HashEncoder().encode(TEXTS), atol=1e-3)
    assert teacher.encoded == 2


@pytest.mark.parametrize(("teacher", "texts"), [(HashEncoder(seed=1), TEXTS), (HashEncoder(), TEXTS[::-1])])
def test_vectors_of_another_teacher_or_of_other_texts_are_refused(tmp_path, encoder, teacher, texts):
    teacher_targets(encoder, TEXTS, tmp_path)
    with pytest.raises(InvalidInputError, match="another teacher or of other texts; delete it"):
        teacher_targets(teacher, texts, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"damaged",
        b"PK\3\4 no archive",
        np.zeros((2, 2), np.float16),
        np.full((4, 16), np.nan, np.float16),
        np.zeros((4, 16), np.float16),
        np.full((4, 16), "a"),
    ],
)
def test_a_damaged_shard_is_refused(tmp_path, encoder, content):
    teacher_targets(encoder, TEXTS, tmp_path)
    shard = tmp_path / "targets-000000004.npy"
    if isinstance(content, bytes):
        shard.write_bytes(content)
    else:
        np.save(shard, content)
    with pytest.raises(StorageError, match=r"targets-000000004\.npy .* delete it, and its texts are encoded again"):
        teacher_targets(encoder, TEXTS, tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_a_damaged_description_is_refused(tmp_path, encoder, content):
    teacher_targets(encoder, TEXTS, tmp_path)
    (tmp_path / "targets.json").write_bytes(content)
    with pytest.raises(StorageError, match=r"targets\.json cannot be read .* all texts are encoded again"):
        teacher_targets(encoder, TEXTS, tmp_path)


def test_a_work_folder_that_cannot_be_made_is_refused(tmp_path, encoder):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be made"):
        teacher_targets(encoder, TEXTS, tmp_path / "file" / "w")
