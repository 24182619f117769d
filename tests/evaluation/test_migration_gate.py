import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.collection.build import build_collection
from nearfield.data.judgements import Judgements
from nearfield.data.records import Record
from nearfield.errors import DataError, InvalidInputError
from nearfield.evaluation.migration_gate import AgreementGate, JudgedGate

RECORDS = [Record(f"r{i}", f"topic{i} detail{i} word{i % 5}", f"topic{i}", {}) for i in range(60)]
QUERIES = {f"q{i}": f"topic{i} detail{i}" for i in range(30)}
JUDGED = Judgements(QUERIES, {f"q{i}": {f"r{i}": 1} for i in range(30)})


class Deaf(HashEncoder):
    """Gives every text nearly the same vector, so that it finds by chance."""

    def encode(self, texts, **_):
        return super().encode([f"same same same same {len(text)}" for text in texts])

    encode_query = encode
    encode_document = encode


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gates")
    encoders = {"good": HashEncoder(64), "other": HashEncoder(64, seed=1), "deaf": Deaf(64)}
    made = {n: build_collection(folder / n, RECORDS, "hash", encoder=e)[0] for n, e in encoders.items()}
    yield made
    for collection in made.values():
        collection.close()


@pytest.mark.parametrize(
    ("old", "new", "passed"), [("good", "other", True), ("good", "deaf", False), ("deaf", "good", True)]
)
def test_judged_queries_let_through_what_is_no_worse(collections, old, new, passed):
    result = JudgedGate(JUDGED)(collections[old], collections[new])
    assert result.passed is passed
    assert result.figures["queries"] == 30
    assert result.figures["mean"] == pytest.approx(result.figures["new"] - result.figures["old"])
    assert str(result).startswith(f"judged queries: {'passed' if passed else 'FAILED'}; ndcg@10 ")


def test_a_collection_passes_against_itself_if_there_are_queries_enough(collections):
    good = collections["good"]
    assert JudgedGate(JUDGED)(good, good).passed
    few = Judgements(dict(list(QUERIES.items())[:5]), dict(list(JUDGED.qrels.items())[:5]))
    assert not JudgedGate(few)(good, good).passed


def test_the_margin_is_how_much_worse_still_passes(collections):
    assert JudgedGate(JUDGED, margin=1.0, metric="recall@10")(collections["good"], collections["deaf"]).passed


def test_judgements_of_other_records_are_refused(collections):
    strange = Judgements({"q": "topic"}, {"q": {"nowhere": 1}})
    with pytest.raises(DataError, match="'nowhere' is judged but not in the corpus"):
        JudgedGate(strange)(collections["good"], collections["good"])


@pytest.mark.parametrize("queries", [None, list(QUERIES.values())])
def test_agreement_is_the_share_of_results_that_stay(collections, queries):
    gate = AgreementGate(queries, sample=20)
    same = gate(collections["good"], collections["good"])
    assert (same.passed, same.figures["mean"]) == (True, 1.0)
    other = gate(collections["good"], collections["deaf"])
    assert not other.passed
    assert other.figures["low"] <= other.figures["mean"] < 0.4
    assert "Agreement is not quality" in str(other)


def test_agreement_by_hand(collections):
    good, other = collections["good"], collections["other"]
    overlaps = []
    for query in QUERIES.values():
        one, two = ({hit.id for hit in c.rank(query, k=3)} for c in (good, other))
        overlaps.append(len(one & two) / 3)
    found = AgreementGate(list(QUERIES.values()), k=3)(good, other)
    assert found.figures["mean"] == pytest.approx(np.mean(overlaps))


def test_a_title_does_not_find_its_own_record(collections):
    asked = []
    good = collections["good"]

    class Asked:
        address = good.address

        def __iter__(self):
            return iter(good)

        def rank(self, query, *, k):
            asked.append((query, k))
            return good.rank(query, k=k)

    AgreementGate(sample=5, k=4)(Asked(), Asked())
    assert len(asked) == 10
    assert {k for _, k in asked} == {5}
    assert {query for query, _ in asked} <= {record.title for record in RECORDS}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: JudgedGate(JUDGED, metric="x@1"), "metric must be one of"),
        (lambda: JudgedGate(JUDGED, margin=-1), "margin must be from 0 to 1, got -1"),
        (lambda: AgreementGate(least=1.5), r"least must be from 0 to 1, got 1\.5"),
        (lambda: AgreementGate(k=0), "k must be at least 1"),
        (lambda: AgreementGate(["one"]), "agreement needs at least 2 queries, got 1"),
    ],
)
def test_gates_without_meaning_are_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


def test_without_texts_there_is_nothing_to_ask(tmp_path, encoder):
    message = "fewer than two records with a text"
    collection, _ = build_collection(tmp_path / "c", RECORDS[:1], "hash", encoder=encoder)
    with collection, pytest.raises(InvalidInputError, match=message):
        AgreementGate()(collection, collection)
