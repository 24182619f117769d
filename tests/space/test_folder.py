"""The `.space` folder: what is damaged in it is named, and nothing crashes later."""

import json
from pathlib import Path

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import DataError, InvalidInputError, StorageError


@pytest.fixture
def folder(words, tmp_path):
    table = np.ones((7, 5), np.float32)
    space = nf.Space(words.keys, words.vectors, counts=words.counts, subwords=nf.Subwords(table, 2, 4), about={"a": 1})
    space.save(tmp_path / "w.space")
    return tmp_path / "w.space"


def manifest(**changes):
    def change(folder):
        content = json.loads((folder / "space.json").read_text()) | changes
        (folder / "space.json").write_text(json.dumps(content))

    return change


def array(name, change):
    def save(folder):
        values = np.load(folder / name).copy()
        np.save(folder / name, change(values))

    return save


def content(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def exchange(values):
    values[[3, 20]] = values[[20, 3]]
    return values


def put(position, value):
    def change(values):
        values[position] = value
        return values

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "space.json").unlink(), r"is a folder without space\.json"),
        (content("space.json", lambda raw: raw[:-5]), r"space\.json: cannot be read"),
        (content("space.json", lambda raw: b"[1]"), "has format version None, and this nearfield reads 1"),
        (manifest(format_version=2), "has format version 2"),
        (manifest(about=[1]), r"space\.json: about must be an object, got \[1\]"),
        (manifest(subwords=3), r"space\.json: subwords must hold whole numbers min_n and max_n, got 3"),
        (manifest(subwords={"min_n": 2}), "subwords must hold whole numbers"),
        (manifest(subwords={"min_n": "2", "max_n": 3}), "subwords must hold whole numbers"),
        (manifest(subwords={"min_n": 5, "max_n": 3}), r"space\.json: min_n must be from 1 to max_n"),
        (lambda folder: (folder / "ngrams.npy").unlink(), r"ngrams\.npy: cannot be read"),
        (array("ngrams.npy", lambda values: values[:, :3]), r"ngrams\.npy: must have 5 dimensions, got 3"),
        (array("ngrams.npy", lambda values: values[:0]), "table must have shape"),
        (lambda folder: (folder / "vectors.npy").unlink(), r"vectors\.npy: cannot be read"),
        (array("vectors.npy", lambda values: values[:9]), "its files have different numbers of rows"),
        (array("vectors.npy", lambda values: values.astype(float)), r"vectors\.npy: must hold float32 in 2 dimensions"),
        (content("vectors.npy", lambda raw: raw[:200]), r"vectors\.npy: cannot be read"),
        (array("norms.npy", put(3, 0)), r"norms\.npy: must hold lengths above zero"),
        (array("norms.npy", put(3, np.nan)), r"norms\.npy: must hold lengths above zero"),
        (array("counts.npy", lambda values: values[:9]), "its files have different numbers of rows"),
        (array("key_ends.npy", exchange), r"key_ends\.npy: does not fit keys\.txt"),
        (array("key_ends.npy", put(0, -1)), r"key_ends\.npy: does not fit"),
        (array("key_ends.npy", put(-1, 10**9)), r"key_ends\.npy: does not fit"),
        (array("key_ends.npy", put(4, 12)), r"keys\.txt: does not fit key_ends\.npy"),
        (content("keys.txt", lambda raw: raw[:-1]), r"key_ends\.npy: does not fit keys\.txt"),
        (content("keys.txt", lambda raw: b"\xff" + raw[1:]), r"keys\.txt: is not valid UTF-8"),
        (lambda folder: (folder / "keys.txt").unlink(), r"keys\.txt: cannot be read"),
        (array("key_order.npy", exchange), r"key_order\.npy: does not fit keys\.txt"),
        (array("key_order.npy", put(0, 40)), r"key_order\.npy: does not fit"),
        (array("key_order.npy", put(0, -1)), r"key_order\.npy: does not fit"),
        (array("key_order.npy", lambda values: np.zeros_like(values)), r"key_order\.npy: does not fit"),
    ],
)
def test_a_damaged_folder_is_refused_with_the_file(folder, damage, message):
    damage(folder)
    with pytest.raises(DataError, match=message):
        nf.load_space(folder)


def test_a_folder_brings_everything_back(folder, words):
    space = nf.load_space(folder)
    assert space.keys == words.keys
    assert (space.subwords.min_n, space.subwords.max_n) == (2, 4)
    assert space.about == {"a": 1}
    np.testing.assert_array_equal(space["unseen"], np.ones(5))
    assert len(nf.load_space(folder, limit=3)) == 3


def test_an_empty_space_has_a_folder_too(tmp_path):
    nf.Space([], np.empty((0, 3))).save(tmp_path / "e.space")
    assert len(nf.load_space(tmp_path / "e.space")) == 0


def test_what_is_no_space_is_not_written_over(words, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(StorageError, match="is there already and is no space"):
        words.save(tmp_path / "notes")
    (tmp_path / "empty").mkdir()
    words.save(tmp_path / "empty")
    assert len(nf.load_space(tmp_path / "empty")) == 40


def test_a_limit_below_one_is_refused_by_its_name(tmp_path):
    nf.Space(["a"], [[1.0]]).save(tmp_path / "a.space")
    with pytest.raises(InvalidInputError, match="limit must be at least 1, got 0"):
        nf.load_space(tmp_path / "a.space", limit=0)


def test_a_space_stays_when_its_replacement_cannot_take_its_place(folder, monkeypatch):
    rename, before = Path.rename, (folder / "keys.txt").read_bytes()

    def refuse_the_new(path, target):
        if path.name.endswith(".new"):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(KeyboardInterrupt):
        nf.Space(["a"], np.ones((1, 2), np.float32)).save(folder)
    assert (folder / "keys.txt").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["w.space"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "a space needs a name"),
        ("..", "a space needs a name"),
        ("missing/w.space", "there is no folder .*make it"),
        ("x" * 300, "cannot be written"),
    ],
)
def test_a_place_that_no_space_can_have_is_refused(words, tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match=message):
        words.save(name)
    assert not list(tmp_path.iterdir())


def test_a_manifest_nested_too_deep_is_refused(folder):
    (folder / "space.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="cannot be read"):
        nf.load_space(folder)


def test_damage_in_the_header_of_an_array_is_a_data_error_wherever_it_is(folder):
    whole, refused = (folder / "norms.npy").read_bytes(), 0
    for position in range(128):
        for byte in (0x00, 0x28, 0x27):
            (folder / "norms.npy").write_bytes(whole[:position] + bytes([byte]) + whole[position + 1 :])
            try:
                nf.load_space(folder)  # blanks at the header's end mean nothing
            except DataError:
                refused += 1
    assert refused > 100
