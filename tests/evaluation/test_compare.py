import json
import math

import numpy as np
import pytest
from hash_encoder import HashEncoder

import nearfield as nf
from nearfield.data.records import Record
from nearfield.errors import DataError, InvalidInputError, SpaceMismatchError
from nearfield.evaluation.cost import Cost

RECORDS = [Record(f"d{i}", f"word{i} word{i % 5} filler text number {i % 3}", f"Title {i}") for i in range(60)]
QUERIES = {f"q{i}": f"word{i} number" for i in range(40)}
QRELS = {f"q{i}": {f"d{i}": 2, f"d{(i + 5) % 60}": 1} for i in range(40)}
CANDIDATES = ["bm25", "tfidf", "hash", "hybrid:hash", "bm25+chars+hash"]


@pytest.fixture(scope="module")
def report():
    return nf.compare(RECORDS, CANDIDATES, queries=QUERIES, qrels=QRELS, encoders={"hash": HashEncoder()})


def test_every_candidate_is_measured_by_every_metric(report):
    assert [result.name for result in report.candidates] == CANDIDATES
    for result in report.candidates:
        assert list(result.metrics) == ["ndcg@10", "recall@100", "mrr@10", "success@1"]
        assert len(result.scores) == len(result.rankings) == 40
        assert result.metrics["ndcg@10"].mean == pytest.approx(np.mean(result.scores))


@pytest.mark.parametrize("name", CANDIDATES)
def test_what_was_measured_is_what_ships(report, tmp_path, name):
    with report.build(tmp_path / "c", RECORDS, candidate=name, encoders={"hash": HashEncoder()}) as built:
        for query, ranking in zip(report.queries, report.candidate(name).rankings, strict=True):
            assert tuple(hit.id for hit in built.search(query.text, k=10)) == ranking
        judgements = nf.read_judgements(QUERIES, QRELS)
        assert nf.evaluate(built, judgements).metrics["ndcg@10"] == report.candidate(name).metrics["ndcg@10"]


def test_costs_are_measured_and_priced(report):
    for result in report.candidates:
        assert result.cost.write_seconds > 0
        assert 0 < result.cost.query_seconds <= result.cost.query_seconds_p95
        assert result.cost.memory_bytes >= result.cost.disk_bytes > 0
        assert (result.cost.encode_seconds > 0) == ("hash" in result.name)
        assert result.monthly_cost == pytest.approx(report.protocol.cost_model.monthly(result.cost))


def test_the_cost_of_a_worked_example():
    cost = Cost(
        encode_seconds=3000,
        write_seconds=600,
        query_seconds=0.0036,
        query_seconds_p95=1,
        memory_bytes=2 * 10**9,
        disk_bytes=10**10,
    )
    model = nf.CostModel(queries_per_month=10**6, reindexes_per_month=2, machine_hour=0.5, memory_gb=3, disk_gb=0.1)
    assert model.monthly(cost) == pytest.approx(0.5 * (2 * 1 + 1) + 6 + 1)


@pytest.mark.parametrize("bad", [{"disk_gb": -1}, {"queries_per_month": math.inf}, {"memory_gb": math.nan}])
def test_prices_without_meaning_are_refused(bad):
    with pytest.raises(InvalidInputError, match="must be at least 0"):
        nf.CostModel(**bad)


def test_a_report_survives_being_saved(report, tmp_path):
    report.save(tmp_path / "r.json")
    loaded = nf.ComparisonReport.load(tmp_path / "r.json")
    assert loaded == report
    assert str(loaded) == str(report)
    assert "NaN" not in (tmp_path / "r.json").read_text()


@pytest.mark.parametrize("ending", ["html", "md"])
def test_a_report_is_written_for_people(report, tmp_path, ending):
    report.export(tmp_path / f"r.{ending}")
    text = (tmp_path / f"r.{ending}").read_text()
    assert all(name in text for name in CANDIDATES)
    assert "word3 number" in report.to_html()


def test_a_report_for_people_needs_a_known_ending(report, tmp_path):
    with pytest.raises(InvalidInputError, match=r"must end in \.html or \.md"):
        report.export(tmp_path / "r.pdf")


def test_a_notebook_shows_the_page_in_a_frame(report):
    assert report._repr_html_().startswith("<iframe srcdoc=")


def test_another_encoder_than_was_measured_is_refused(report, tmp_path):
    with pytest.raises(SpaceMismatchError, match="measured with an encoder of fingerprint"):
        report.build(tmp_path / "c", RECORDS, candidate="hash", encoders={"hash": HashEncoder(seed=1)})


def test_an_unknown_candidate_is_refused(report):
    with pytest.raises(InvalidInputError, match="no candidate 'bm42'; it has bm25, tfidf"):
        report.candidate("bm42")


def test_an_undecided_report_builds_nothing_by_itself():
    report = nf.compare(RECORDS, ["bm25", "tfidf"], queries={"q": "word7"}, qrels={"q": {"d7": 1}})
    assert report.decision.chosen is None
    with pytest.raises(InvalidInputError, match=r"undecided: .* Name the candidate to build"):
        report.choice()
    assert report.choice("bm25").name == "bm25"


def test_queries_without_a_relevant_record_are_left_out_and_counted():
    nothing = {f"n{i}": {"d1": 0} for i in range(30)}
    texts = dict.fromkeys(nothing, "word1")
    report = nf.compare(RECORDS, ["bm25"], queries=QUERIES | texts, qrels=QRELS | nothing)
    assert len(report.queries) == 40
    assert report.protocol.skipped == 30
    with pytest.raises(DataError, match="no grade is above 0"):
        nf.compare(RECORDS, ["bm25"], queries=texts, qrels=nothing)


def test_one_query_gives_no_interval_and_no_decision():
    report = nf.compare(RECORDS, ["bm25", "tfidf"], queries={"q": "word7"}, qrels={"q": {"d7": 1}})
    assert report.decision.status == "undecided"
    assert math.isnan(report.candidate("bm25").metrics["ndcg@10"].low)
    json.dumps(report.to_json(), allow_nan=False)
    assert "undecided" in str(report).lower()
    assert "<html" in report.to_html()


def test_the_cache_is_shared_between_candidates():
    encoder = HashEncoder()
    nf.compare(RECORDS, ["hash", "hybrid:hash"], queries=QUERIES, qrels=QRELS, encoders={"hash": encoder})
    documents, canaries, queries = 60, 2 * 2 * 3, 2 * (40 + 1)
    assert encoder.encoded == documents + canaries + queries


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"candidates": []}, InvalidInputError, "at least one retriever"),
        ({"candidates": ["bm25", "bm25"]}, InvalidInputError, "different names"),
        ({"candidates": ["bm25+"]}, InvalidInputError, "empty leg"),
        ({"metric": "ndcg"}, InvalidInputError, "ndcg@k"),
        ({"margin": -1}, InvalidInputError, "margin and seed must be at least 0"),
        ({"seed": -1}, InvalidInputError, "margin and seed must be at least 0"),
        ({"level": 95}, InvalidInputError, "level between 0 and 1"),
        ({"qrels": {"q0": {"nowhere": 1}}}, DataError, "'nowhere' is judged but not in the corpus"),
        ({"qrels": {"other": {"d1": 1}}}, DataError, "'other' is judged but not among the queries"),
        ({"qrels": {}}, DataError, "qrels"),
        ({"queries": {}}, DataError, "queries"),
        ({"corpus": [Record("a", "x"), Record("a", "y")]}, DataError, "duplicate id 'a'"),
        ({"corpus": [Record("a", " ")]}, DataError, "empty"),
        ({"corpus": []}, DataError, "no records"),
        ({"corpus": iter(RECORDS)}, InvalidInputError, "was read already; pass a list"),
    ],
)
def test_bad_input_is_refused_with_a_reason(change, error, message):
    given = {"corpus": RECORDS, "candidates": ["bm25"], "queries": QUERIES, "qrels": QRELS} | change
    corpus, candidates = given.pop("corpus"), given.pop("candidates")
    with pytest.raises(error, match=message):
        nf.compare(corpus, candidates, **given)


def test_bad_records_and_judgements_may_be_skipped_and_are_counted():
    report = nf.compare(
        [*RECORDS, Record("d0", "again"), Record("empty", " ")], ["bm25"],
        queries=QUERIES, qrels={**QRELS, "unknown": {"d1": 1}, "q0": {"d0": 1, "gone": 1}}, skip_bad=True,
    )  # fmt: skip
    assert report.protocol.records == 60
    assert report.protocol.skipped == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as a report"),
        (b"[]", "is no report of format 1"),
        (b'{"format_version": 2}', "format_version is 2"),
        (b'{"format_version": 1}', "damaged report"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path, content, message):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        nf.ComparisonReport.load(tmp_path / "r.json")


def test_a_collection_is_evaluated_with_intervals(tmp_path):
    collection, _ = nf.build_collection(tmp_path / "c", RECORDS, "bm25")
    with collection:
        report = nf.evaluate(collection, nf.read_judgements(QUERIES, QRELS), metrics=["MAP@10", "success@1"])
    assert list(report.metrics) == ["map@10", "success@1"]
    assert report.metrics["map@10"].low <= report.metrics["map@10"].mean <= report.metrics["map@10"].high
    assert "40 judged queries" in str(report)
    json.dumps(report.to_json(), allow_nan=False)


def test_an_unfinished_collection_is_said_to_be_unfinished(tmp_path):
    with nf.Collection.create(tmp_path / "c", "bm25", sample=["word"]) as collection:
        collection.upsert(RECORDS)
        report = nf.evaluate(collection, nf.read_judgements(QUERIES, QRELS))
    assert not report.complete
    assert "indexing was interrupted" in str(report)


def test_judgements_of_records_that_are_not_there_are_refused_or_counted(tmp_path):
    collection, _ = nf.build_collection(tmp_path / "c", RECORDS[:30], "bm25")
    judgements = nf.read_judgements(QUERIES, QRELS)
    with collection:
        with pytest.raises(DataError, match="judged but not in the corpus"):
            nf.evaluate(collection, judgements)
        report = nf.evaluate(collection, judgements, skip_bad=True)
    assert report.skipped == 15
    assert report.queries == 30
    assert "skipped 15" in str(report)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["candidates"].clear(),
        lambda values: values["candidates"].append(values["candidates"][0]),
        lambda values: values["candidates"][0]["scores"].pop(),
        lambda values: values["candidates"][0]["rankings"].pop(),
        lambda values: values["candidates"][0]["metrics"].clear(),
        lambda values: values["candidates"][0]["retriever"].update(name="other"),
        lambda values: values["queries"].pop(),
        lambda values: values["protocol"].update(metric="zzz"),
        lambda values: values["protocol"].update(margin=10**400),
    ],
)
def test_a_report_whose_parts_do_not_belong_together_is_refused(report, tmp_path, change):
    values = json.loads(json.dumps(report.to_json()))
    change(values)
    (tmp_path / "r.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match="damaged report"):
        nf.ComparisonReport.load(tmp_path / "r.json")
