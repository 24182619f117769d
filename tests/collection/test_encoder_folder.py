"""Encoders that are model folders, which may be named relatively and may move."""

import pytest
from tiny_bert import random_weights, write_folder

import nearfield as nf
from nearfield.data.records import Record
from nearfield.errors import SpaceMismatchError, UnknownEncoderError

NOTES = [Record("a", "w1 w2 w3"), Record("b", "w4 w5")]


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A collection built with `-e model` inside `tmp_path`, closed."""
    (tmp_path / "model").mkdir()
    write_folder(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    collection, _ = nf.build_collection("c", NOTES, "hybrid:model")
    collection.close()
    return tmp_path / "c"


def test_a_folder_named_relatively_is_found_from_elsewhere(built, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with nf.Collection.open(built) as collection:
        assert collection.search("w1 w2", k=1)[0].id == "a"


def test_a_folder_that_has_moved_may_be_named_again(built, tmp_path):
    (tmp_path / "model").rename(tmp_path / "moved")
    with nf.Collection.open(built) as collection, pytest.raises(UnknownEncoderError, match="no model folder at"):
        collection.search("w1")
    with nf.Collection.open(built, encoder=nf.load_encoder(tmp_path / "moved")) as collection:
        assert collection.search("w1 w2", k=1)[0].id == "a"


def test_other_weights_in_the_same_folder_are_refused(built, tmp_path):
    write_folder(tmp_path / "model", weights=random_weights(seed=1))
    with nf.Collection.open(built) as collection, pytest.raises(SpaceMismatchError, match="they differ in weights"):
        collection.search("w1")
