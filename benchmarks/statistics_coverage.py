"""How often intervals cover the truth, how often decisions are wrong, and how fast both and the metrics are.

    python benchmarks/statistics_coverage.py

Everything is simulated, so the truth is known. Takes about fifteen minutes on one core; needs pytrec_eval. Writes
results/statistics_coverage.json.
"""

import math
from collections.abc import Callable
from dataclasses import asdict
from statistics import NormalDist

import numpy as np
import pytrec_eval
from harness import machine, measure, measure_alternately, write

from nearfield.evaluation.decision import decide
from nearfield.evaluation.metrics import evaluate_run
from nearfield.evaluation.significance import randomisation_test
from nearfield.statistics import Bootstrap, bootstrap, bootstrap_interval
from nearfield.student import t_quantile

MARGIN = 0.01
TRIALS = {50: 2000, 300: 2000, 1000: 1000}
DECISION_TRIALS = {50: 1000, 300: 400, 1000: 100}
RESAMPLES = 2000  # for coverage only; the product takes 10,000
METRICS = {
    "ndcg@10": "ndcg_cut.10",
    "recall@100": "recall.100",
    "map@100": "map_cut.100",
    "success@1": "success.1",
    "mrr@1000": "recip_rank",
}
Draw = Callable[[np.random.Generator, int], np.ndarray]


def scores(zeros: float, ones: float, a: float, b: float) -> tuple[Draw, float]:
    """Scores like nDCG@10: a share of zeros, a share of ones, beta(a, b) between; and their true mean."""

    def draw(generator: np.random.Generator, count: int) -> np.ndarray:
        kind = generator.random(count)
        return np.where(kind < zeros, 0.0, np.where(kind > 1 - ones, 1.0, generator.beta(a, b, count)))

    return draw, ones + (1 - zeros - ones) * a / (a + b)


def differences(ties: float, up: float) -> tuple[Draw, float]:
    """Paired differences: a share of ties, else plus (with chance `up`) or minus beta(2, 2)."""

    def draw(generator: np.random.Generator, count: int) -> np.ndarray:
        signs = np.where(generator.random(count) < up, 1.0, -1.0)
        return np.where(generator.random(count) < ties, 0.0, signs * generator.beta(2, 2, count))

    return draw, (1 - ties) * (2 * up - 1) / 2


SCENARIOS = {
    "scores: 30% zeros, 40% ones": scores(0.3, 0.4, 2, 2),
    "scores: 60% zeros, 10% ones": scores(0.6, 0.1, 1.5, 3),
    "scores: 5% zeros, 80% ones": scores(0.05, 0.8, 3, 2),
    "scores: 10% zeros, 90% ones": scores(0.1, 0.9, 1, 1),
    "scores: half zeros, half ones": scores(0.5, 0.5, 1, 1),
    "differences: 50% ties": differences(0.5, 0.45),
    "differences: 80% ties": differences(0.8, 0.4),
    "differences: 90% ties, one-sided": differences(0.9, 0.2),
}


def percentile(values: np.ndarray, resampled: Bootstrap) -> tuple[float, float]:
    low, high = np.quantile(resampled.means, (0.025, 0.975))
    return low, high


def bca(values: np.ndarray, resampled: Bootstrap) -> tuple[float, float]:
    """Bias-corrected and accelerated: Efron (1987)."""
    centred = values - values.mean()
    if not centred.any():
        return percentile(values, resampled)
    below = np.mean(resampled.means < resampled.mean) + np.mean(resampled.means == resampled.mean) / 2
    bias = NormalDist().inv_cdf(min(max(below, 1e-4), 1 - 1e-4))
    skew = (centred**3).sum() / (6 * (centred**2).sum() ** 1.5)
    shares = [
        NormalDist().cdf(bias + (bias + z) / (1 - skew * (bias + z))) for z in (NormalDist().inv_cdf(0.025), 1.959964)
    ]
    low, high = np.quantile(resampled.means, shares)
    return low, high


def student(values: np.ndarray, resampled: Bootstrap) -> tuple[float, float]:
    half = t_quantile(0.025, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return resampled.mean - half, resampled.mean + half


def expanded(values: np.ndarray, resampled: Bootstrap) -> tuple[float, float]:
    interval = resampled.interval(0.95)
    return interval.low, interval.high


METHODS = {"nearfield": expanded, "percentile": percentile, "bca": bca, "student_t": student}


def coverage(draw: Draw, truth: float, count: int, seed: int) -> dict[str, float]:
    """In what share of samples each method's 95 % interval holds the true mean."""
    generator = np.random.default_rng(seed)
    covered = dict.fromkeys(METHODS, 0)
    for trial in range(TRIALS[count]):
        values = draw(generator, count)
        resampled = bootstrap(values, resamples=RESAMPLES, seed=trial)
        for name, method in METHODS.items():
            low, high = method(values, resampled)
            # Sums that are equal on paper differ in their last bits.
            covered[name] += low - 1e-12 <= truth <= high + 1e-12
    return {name: hits / TRIALS[count] for name, hits in covered.items()}


def candidates(generator: np.random.Generator, count: int, means: dict[str, float]) -> dict[str, np.ndarray]:
    """Scores of candidates that agree on half the queries, with a standard deviation of differences of about 0.2."""
    base = np.clip(generator.normal(0.6, 0.3, count), 0, 1)
    return {
        name: base + mean + generator.normal(0, 0.2, count) * (generator.random(count) < 0.5)
        for name, mean in means.items()
    }


def wrong_decisions(count: int, seed: int) -> dict[str, float]:
    """How often five candidates are judged wrongly; the dearest is the best in truth."""
    generator = np.random.default_rng(seed)
    costs = {name: float(i) for i, name in enumerate(["a", "b", "c", "d", "dear"])}
    others = ["a", "b", "c", "d"]
    trials = DECISION_TRIALS[count]
    tally = dict.fromkeys(
        ["any_called_good_at_the_margin", "any_equal_called_worse", "undecided_of_equals"]
        + [f"{what}_{gap}_worse" for gap in ("0.02", "0.05") for what in ("chose", "chose_without_naming_the_better")],
        0,
    )
    for seed_of_trial in range(trials):
        # At the margin exactly, "as good" is wrong; said of the best in truth, which may not be the best observed.
        decision = decide(
            candidates(generator, count, {**dict.fromkeys(others, -MARGIN), "dear": 0.0}), costs, seed=seed_of_trial
        )
        called = [n for n in others if n != decision.best and decision.verdicts[n] == "good"]
        tally["any_called_good_at_the_margin"] += bool(called)
        equal = decide(candidates(generator, count, dict.fromkeys(costs, 0.0)), costs, seed=seed_of_trial)
        tally["any_equal_called_worse"] += "worse" in equal.verdicts.values()
        tally["undecided_of_equals"] += equal.status == "undecided"
        for gap in ("0.02", "0.05"):
            two = decide(candidates(generator, count, {"a": -float(gap), "dear": 0.0}), costs, seed=seed_of_trial)
            tally[f"chose_{gap}_worse"] += two.chosen == "a"
            tally[f"chose_without_naming_the_better_{gap}_worse"] += two.chosen == "a" and not two.rivals
    return {name: hits / trials for name, hits in tally.items()}


def false_positives(count: int, seed: int) -> float:
    """How often the randomisation test finds p <= 0.05 where there is no difference, half the queries tied."""
    generator = np.random.default_rng(seed)
    draw, _ = differences(0.5, 0.5)
    trials = TRIALS[count]
    return (
        sum(randomisation_test(draw(generator, count), resamples=999, seed=i) <= 0.05 for i in range(trials)) / trials
    )


def speed() -> dict[str, object]:
    """Time 10,000 queries of 1,000 results, side by side with pytrec_eval, and 10,000 resamples of 10,000 values."""
    generator = np.random.default_rng(0)
    documents = [f"d{i}" for i in range(50_000)]
    run: dict[str, list[str]] = {}
    qrels: dict[str, dict[str, int]] = {}
    for i in range(10_000):
        ranked = generator.permutation(np.unique(generator.integers(0, len(documents), 1_100)))[:1000]
        run[f"q{i}"] = [documents[d] for d in ranked]
        judged = [*ranked[:20:3], *generator.integers(0, len(documents), 3)]
        qrels[f"q{i}"] = {
            documents[d]: int(grade) for d, grade in zip(judged, generator.integers(0, 4, 10), strict=True)
        }
    # What pytrec_eval takes is made beforehand: only its evaluation is timed.
    scored = {q: {d: float(-rank) for rank, d in enumerate(ranking)} for q, ranking in run.items()}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, set(METRICS.values()))
    ours, theirs = evaluate_run(run, qrels, list(METRICS)), evaluator.evaluate(scored)
    largest = max(
        abs(theirs[q][peer.replace(".", "_")] - ours[name][i])
        for name, peer in METRICS.items()
        for i, q in enumerate(qrels)
    )
    timings = measure_alternately(
        {
            "nearfield": lambda: evaluate_run(run, qrels, list(METRICS)),
            "pytrec_eval": lambda: evaluator.evaluate(scored),
        }
    )
    values = generator.random(10_000)
    return {
        "queries": 10_000,
        "results_per_query": 1_000,
        "metrics": list(METRICS),
        "largest_difference_from_pytrec_eval": largest,
        "seconds": {name: asdict(timing) for name, timing in timings.items()},
        "bootstrap_10000_of_10000_seconds": asdict(measure(lambda: bootstrap_interval(values))),
        "randomisation_10000_of_10000_seconds": asdict(measure(lambda: randomisation_test(values - 0.5))),
    }


def main() -> None:
    found = {}
    for number, (name, (draw, truth)) in enumerate(SCENARIOS.items()):
        found[name] = {str(count): coverage(draw, truth, count, seed=number) for count in TRIALS}
        print(name, found[name], flush=True)
    wrong = {str(count): wrong_decisions(count, seed=count) for count in DECISION_TRIALS}
    positives = {str(count): false_positives(count, seed=count) for count in TRIALS}
    print(wrong, positives, flush=True)
    payload = {
        "coverage_of_95_percent_intervals": found,
        "coverage_trials": TRIALS,
        "coverage_resamples": RESAMPLES,
        "decision_trials": DECISION_TRIALS,
        "wrong_decisions": wrong,
        "randomisation_test_false_positives_at_0.05": positives,
        "speed": speed(),
        "machine": machine("pytrec-eval-terrier"),
    }
    print(payload["speed"], write("statistics_coverage", payload))


if __name__ == "__main__":
    main()
