import re

import pytest

from nearfield.data.bundled import BUNDLED, load_dataset
from nearfield.errors import InvalidInputError

FAUCET_NOTES = {"plumbing-repair", "water-tap-maintenance"}


def words(text):
    return set(re.findall(r"\w+", text.lower()))


@pytest.mark.parametrize(
    ("name", "split", "documents", "queries", "pairs"),
    [("scifact", "train", 5183, 809, 919), ("scifact", "test", 5183, 300, 339), ("howto", "test", 44, 20, 24)],
)
def test_a_bundled_dataset_is_whole(name, split, documents, queries, pairs):
    dataset = load_dataset(name, split)
    ids = {record.id for record in dataset.corpus}
    assert (dataset.name, dataset.split, len(ids)) == (name, split, documents)
    assert len(dataset.judgements.queries) == queries
    assert sum(map(len, dataset.judgements.qrels.values())) == pairs
    assert dataset.judgements.check_documents(ids) is dataset.judgements


def test_scifact_is_what_it_says():
    judgements = load_dataset("scifact").judgements
    assert judgements.queries["1"] == "0-dimensional biomaterials show inductive properties."
    assert judgements.qrels["1"] == {"31715818": 1}
    assert judgements.unjudged == 809


def test_the_notes_on_faucets_share_no_word_with_the_query_and_others_do():
    dataset = load_dataset("howto")
    query = words(dataset.judgements.queries["leaking-faucet"])
    assert query == {"how", "to", "fix", "a", "leaking", "faucet"}
    assert set(dataset.judgements.qrels["leaking-faucet"]) == FAUCET_NOTES
    notes = {record.id: record for record in dataset.corpus}
    for name in FAUCET_NOTES:
        assert not words(notes[name].content) & query
        assert not re.search(r"leak|faucet|fix", notes[name].content.lower())
    rivals = [record.id for record in notes.values() if len(words(record.content) & query) >= 3]
    assert len(rivals) >= 10


def test_the_notes_have_typed_metadata_to_filter_by():
    for record in load_dataset("howto").corpus:
        assert [type(record.meta[name]) for name in ("topic", "minutes", "year")] == [str, int, int]


def test_an_unknown_name_or_split_is_an_error_that_lists_what_there_is():
    with pytest.raises(InvalidInputError, match=f"no bundled dataset 'nq'; there are: {', '.join(BUNDLED)}"):
        load_dataset("nq")
    with pytest.raises(InvalidInputError, match="dataset 'howto' has no split 'train'; it has: test"):
        load_dataset("howto", "train")
