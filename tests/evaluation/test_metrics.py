import itertools
import math
import random

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import assume, given
from hypothesis import strategies as st

from nearfield.errors import InvalidInputError
from nearfield.evaluation import metrics
from nearfield.evaluation.metrics import evaluate_run, parse_metric
from nearfield.evaluation.ndcg import ndcg_at_k
from nearfield.evaluation.relevance import (
    average_precision_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank_at_k,
    success_at_k,
)

NAMES = ["ndcg", "ndcg-exp", "recall", "precision", "mrr", "map", "success"]
GRADED = {"q": {"a": 3, "b": 1, "c": 2, "d": 0, "e": -2}}
RANKING = {"q": ["d", "c", "x", "a", "e"]}


def graded_run(seed, queries=30, documents=60):
    """Random rankings and judgements with grades of -1 to 3, empty rankings, and queries without relevant ones."""
    generator = random.Random(seed)
    ids = [f"d{i}" for i in range(documents)]
    run = {f"q{i}": generator.sample(ids, generator.randrange(0, documents)) for i in range(queries)}
    qrels = {q: {d: generator.choice([-1, 0, 0, 1, 2, 3]) for d in generator.sample(ids, 12)} for q in run}
    qrels["q3"] = dict.fromkeys(qrels["q3"], 0)
    return run, qrels


def as_trec(run):
    return {query: {d: float(-rank) for rank, d in enumerate(ranking)} for query, ranking in run.items()}


def plain_score(name, k, ranking, grades):
    """Each formula as one would say it, one query at a time."""
    top = [max(grades.get(document, 0), 0) for document in ranking[:k]]
    relevant = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    if not relevant:
        return 0.0
    if name.startswith("ndcg"):
        gain = (lambda g: 2**g - 1) if name == "ndcg-exp" else (lambda g: g)
        dcg = lambda grades: sum(gain(g) / math.log2(rank + 1) for rank, g in enumerate(grades, start=1))  # noqa: E731
        return dcg(top) / dcg(relevant[:k])
    hits = [grade > 0 for grade in top]
    precisions = [sum(hits[:rank]) / rank for rank, hit in enumerate(hits, start=1) if hit]
    first = hits.index(True) + 1 if any(hits) else None
    return {
        "recall": sum(hits) / len(relevant),
        "precision": sum(hits) / k,
        "mrr": 1 / first if first else 0.0,
        "map": sum(precisions) / len(relevant),
        "success": float(any(hits)),
    }[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Grades by rank: 0, 2, unjudged, 3, -2 (counts as 0); ideal order: 3, 2, 1.
        ("ndcg@3", (2 / math.log2(3)) / (3 + 2 / math.log2(3) + 1 / 2)),
        ("ndcg@5", (2 / math.log2(3) + 3 / math.log2(5)) / (3 + 2 / math.log2(3) + 1 / 2)),
        ("ndcg-exp@5", (3 / math.log2(3) + 7 / math.log2(5)) / (7 + 3 / math.log2(3) + 1 / 2)),
        ("recall@3", 1 / 3),
        ("recall@5", 2 / 3),
        ("precision@5", 2 / 5),
        ("precision@10", 2 / 10),
        ("mrr@1", 0),
        ("mrr@2", 1 / 2),
        ("map@3", (1 / 2) / 3),
        ("map@5", (1 / 2 + 2 / 4) / 3),
        ("success@1", 0),
        ("success@2", 1),
    ],
)
def test_a_graded_ranking_scores_as_worked_out_by_hand(name, value):
    scores = evaluate_run(RANKING, GRADED, [name])
    np.testing.assert_allclose(scores[name], [value], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [1, 3, 10, 100])
def test_every_metric_agrees_with_its_plain_definition(name, k):
    run, qrels = graded_run(seed=k)
    scores = evaluate_run(run, qrels, [f"{name}@{k}"])[f"{name}@{k}"]
    np.testing.assert_allclose(scores, [plain_score(name, k, run[q], qrels[q]) for q in qrels], atol=1e-12)


@pytest.mark.parametrize("k", [1, 5, 10, 30])
def test_metrics_agree_with_trec_eval(k):
    run, qrels = graded_run(seed=100 + k)
    theirs = {"ndcg": "ndcg_cut", "recall": "recall", "precision": "P", "map": "map_cut", "success": "success"}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {f"{name}.{k}" for name in theirs.values()})
    expected = evaluator.evaluate(as_trec(run))
    scores = evaluate_run(run, qrels, [f"{name}@{k}" for name in theirs])
    for ours, name in theirs.items():
        # trec_eval leaves out a query that retrieved nothing; here it scores 0.
        values = [expected.get(query, {}).get(f"{name}_{k}", 0.0) for query in qrels]
        np.testing.assert_allclose(scores[f"{ours}@{k}"], values, atol=1e-9, err_msg=ours)


def test_mrr_agrees_with_trec_eval_on_a_ranking_cut_at_k():
    run, qrels = graded_run(seed=7)
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"})
    expected = evaluator.evaluate(as_trec({query: ranking[:4] for query, ranking in run.items()}))
    values = [expected.get(query, {}).get("recip_rank", 0.0) for query in qrels]
    np.testing.assert_allclose(evaluate_run(run, qrels, ["mrr@4"])["mrr@4"], values, atol=1e-9)


def test_means_agree_with_ir_measures():
    run, qrels = graded_run(seed=8)
    theirs = {"ndcg@10": "nDCG@10", "recall@20": "R@20", "mrr@10": "RR@10", "map@20": "AP@20", "success@5": "Success@5"}
    parsed = {ours: ir_measures.parse_measure(name) for ours, name in theirs.items()}
    expected = ir_measures.calc_aggregate(parsed.values(), qrels, as_trec(run))
    for ours, values in evaluate_run(run, qrels, list(theirs)).items():
        assert values.mean() == pytest.approx(expected[parsed[ours]], abs=1e-9), ours


def test_exponential_ndcg_is_that_of_trec_eval_for_grades_of_2_to_the_power_less_1():
    run, qrels = graded_run(seed=8)
    raised = {query: {d: 2 ** max(grade, 0) - 1 for d, grade in grades.items()} for query, grades in qrels.items()}
    expected = pytrec_eval.RelevanceEvaluator(raised, {"ndcg_cut.10"}).evaluate(as_trec(run))
    scores = evaluate_run(run, qrels, ["ndcg-exp@10"])["ndcg-exp@10"]
    np.testing.assert_allclose(scores, [expected.get(q, {}).get("ndcg_cut_10", 0.0) for q in qrels], atol=1e-9)


def test_scores_come_in_the_order_of_the_judgements():
    scores = evaluate_run({"b": ["x"], "a": ["y"]}, {"a": {"x": 1}, "b": {"x": 1}}, ["success@1"])
    assert scores["success@1"].tolist() == [0.0, 1.0]
    assert scores["success@1"].dtype == np.float64


def test_a_judged_query_that_was_not_run_or_has_no_relevant_document_scores_0():
    qrels = {"run": {"a": 1}, "missing": {"a": 1}, "none relevant": {"a": 0, "b": -1}, "nothing judged": {}}
    run = {query: ["a"] for query in qrels if query != "missing"}
    scores = evaluate_run(run, qrels, [f"{name}@5" for name in NAMES])
    for name in NAMES:
        assert (scores[f"{name}@5"] > 0).tolist() == [True, False, False, False]


def test_queries_that_are_not_judged_are_ignored():
    assert evaluate_run({"q": ["a"], "other": ["a"]}, {"q": {"a": 1}}, ["mrr@10"])["mrr@10"].tolist() == [1.0]


def test_rankings_that_are_all_empty_score_0():
    scores = evaluate_run({"q": []}, {"q": {"a": 1}}, [f"{name}@5" for name in NAMES])
    assert [value.tolist() for value in scores.values()] == [[0.0]] * len(NAMES)


def test_many_queries_score_the_same_block_by_block(monkeypatch):
    run, qrels = graded_run(seed=9)
    names = [f"{name}@10" for name in NAMES]
    whole = evaluate_run(run, qrels, names)
    monkeypatch.setattr(metrics, "_BLOCK_CELLS", 50)
    for name, values in evaluate_run(run, qrels, names).items():
        np.testing.assert_array_equal(values, whole[name])


grades_by_rank = st.lists(st.integers(-1, 4), min_size=1, max_size=12)


@given(grades_by_rank, st.integers(1, 14))
def test_scores_lie_between_0_and_1_and_the_ideal_order_is_perfect(grades, k):
    documents = [f"d{i}" for i in range(len(grades))]
    qrels = {"q": dict(zip(documents, grades, strict=True))}
    for ranking in (documents, sorted(documents, key=lambda d: -qrels["q"][d])):
        scores = evaluate_run({"q": ranking}, qrels, [f"{name}@{k}" for name in NAMES])
        assert all(0 <= values[0] <= 1 + 1e-12 for values in scores.values())
    if max(grades) > 0:
        perfect = {name: float(scores[f"{name}@{k}"][0]) for name in ("ndcg", "ndcg-exp", "mrr", "success")}
        assert perfect == pytest.approx(dict.fromkeys(perfect, 1.0))


@given(grades_by_rank, st.data())
def test_moving_a_better_document_up_never_lowers_a_score(grades, data):
    documents = [f"d{i}" for i in range(len(grades))]
    qrels = {"q": dict(zip(documents, grades, strict=True))}
    upper, lower = sorted(data.draw(st.tuples(*[st.integers(0, len(grades) - 1)] * 2)))
    assume(grades[lower] > grades[upper])
    swapped = list(documents)
    swapped[upper], swapped[lower] = swapped[lower], swapped[upper]
    names = [f"{name}@{k}" for name, k in itertools.product(NAMES, (1, 3, 20))]
    before, after = (evaluate_run({"q": ranking}, qrels, names) for ranking in (documents, swapped))
    assert all(after[name][0] >= before[name][0] - 1e-12 for name in names)


def test_metric_names_are_read_in_any_case_and_written_in_one():
    assert str(parse_metric(" nDCG@010 ")) == "ndcg@10"
    assert parse_metric("recall@100").k == 100
    assert list(evaluate_run({"q": ["a"]}, {"q": {"a": 1}}, ["MRR@10"])) == ["mrr@10"]


@pytest.mark.parametrize("name", ["ndcg", "ndcg@0", "ndcg@-1", "ndcg@1.5", "f1@10", "ndcg@", "@10", "ndcg@10@3", ""])
def test_an_unknown_metric_is_refused_with_those_that_are_known(name):
    with pytest.raises(InvalidInputError, match=r"one of ndcg@k, ndcg-exp@k, recall@k.*such as ndcg@10; got"):
        parse_metric(name)


def test_a_document_ranked_twice_is_refused():
    with pytest.raises(InvalidInputError, match="query 'q' holds document 'b' twice"):
        evaluate_run({"q": ["a", "b", "c", "b"]}, {"q": {"a": 1}}, ["success@1"])


def test_a_text_in_place_of_a_ranking_is_refused():
    with pytest.raises(InvalidInputError, match="must be a sequence of ids, got the text 'abc'"):
        evaluate_run({"q": "abc"}, {"q": {"a": 1}}, ["ndcg@10"])


def test_a_run_of_other_queries_is_refused():
    with pytest.raises(InvalidInputError, match="must share query ids; the run has '1', qrels 'q1'"):
        evaluate_run({"1": ["a"]}, {"q1": {"a": 1}}, ["ndcg@10"])
    with pytest.raises(InvalidInputError, match="at least one query"):
        evaluate_run({}, {}, ["ndcg@10"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: precision_at_k([[1]], k=0), "k must be at least 1, got 0"),
        (lambda: reciprocal_rank_at_k([1, 0], k=1), r"gains must have shape \(n_queries, depth\), got shape \(2,\)"),
        (lambda: success_at_k([[math.nan]], k=1), "gains must be finite"),
        (lambda: success_at_k([["a"]], k=1), "gains must be numbers"),
        (lambda: recall_at_k([[1]], [1, 2], k=1), r"n_relevant must have shape \(1,\), got \(2,\)"),
        (lambda: average_precision_at_k([[1]], 1, k=1), r"n_relevant must have shape \(1,\), got \(\)"),
        (lambda: ndcg_at_k([[1]], [[1], [2]], k=1), "gains has 1 queries and ideal_gains 2"),
        (lambda: ndcg_at_k([[1]], [[1]], gain="square"), "gain must be linear or exponential, got 'square'"),
        (lambda: ndcg_at_k([[2000]], [[2000]], gain="exponential"), "at most 1000, got 2000"),
    ],
)
def test_arrays_that_make_no_sense_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_arguments_are_not_changed():
    gains, ideal = np.array([[0.0, 2.0, -1.0]]), np.array([[2.0, 3.0, -1.0]])
    before = gains.copy(), ideal.copy()
    ndcg_at_k(gains, ideal, k=2, gain="exponential")
    average_precision_at_k(gains, [1], k=2)
    np.testing.assert_array_equal((gains, ideal), before)
