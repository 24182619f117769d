"""Which candidate to take: the cheapest that is shown to be as good as the best, or none if too few queries tell."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Scores
from nearfield.errors import InvalidInputError
from nearfield.evaluation.decision_words import explain
from nearfield.evaluation.significance import holm, holm_levels, randomisation_test
from nearfield.statistics import Interval, as_scores, bootstrap, bootstrap_interval, check_level

Verdict: TypeAlias = Literal["good", "unclear", "worse"]

MOST_QUERIES = 100_000
"""No more queries than these are predicted; `Decision.more_queries` of as many means "more than that"."""
COST_TOLERANCE = 0.2
"""Costs that differ by a smaller share than this count as equal: they rest on times, which vary from run to run."""
_POWER = 0.8  # chance with which the predicted number of queries settles it


@dataclass(frozen=True)
class CandidateDecision:
    """What the decision rests on for one candidate.

    Attributes:
        mean: Mean score.
        interval: Of the mean, at the level of the decision.
        cost: What it costs.
        difference: Candidate minus best on the same queries, with the plain interval; 0 throughout for the best.
        corrected: The same difference with the wider interval that the verdict is read from: its ends are corrected
            for the number of candidates (Holm). Good if it lies above -margin, worse if below, else unclear.
        p: Two-sided paired randomisation test that it is equal to the best, not corrected; 1 for the best.
        p_margin: One-sided, Holm-corrected, that it is worse than the best by the margin or more; good if this is
            at most (1 - level) / 2. 0 for the best.
        verdict: `good` for as good as the best within the margin, `worse` for worse by more, else `unclear`.
    """

    mean: float
    interval: Interval
    cost: float
    difference: Interval
    corrected: Interval
    p: float
    p_margin: float
    verdict: Verdict


@dataclass(frozen=True)
class Decision:
    """Which candidate to take, and why.

    Attributes:
        status: `decided`, or `undecided` if a candidate cheaper than `provisional` may be as good.
        chosen: The cheapest candidate that is as good as the best; None if undecided.
        provisional: The chosen one; undecided, the safe choice until more queries are judged.
        best: The candidate of the highest mean.
        blocking: Candidates that leave it undecided: cheaper than `provisional`, and unclear.
        rivals: Candidates that cost more than `provisional`, or the same, and may yet be better than it by more than
            the margin.
        more_queries: About how many more judged queries would settle it; None if decided or unknown, and
            `MOST_QUERIES` for more than that.
        metric: What the scores are.
        margin: How much worse than the best still counts as good.
        level: Confidence level.
        queries: Number of judged queries.
        candidates: What it rests on, by candidate, in the order given.
        why: The decision in plain words.
    """

    status: Literal["decided", "undecided"]
    chosen: str | None
    provisional: str
    best: str
    blocking: tuple[str, ...]
    rivals: tuple[str, ...]
    more_queries: int | None
    metric: str
    margin: float
    level: float
    queries: int
    candidates: Mapping[str, CandidateDecision]
    why: str = ""

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each candidate."""
        return {name: candidate.verdict for name, candidate in self.candidates.items()}

    @property
    def differences(self) -> dict[str, Interval]:
        """Each candidate's difference from the best, with the plain interval."""
        return {name: candidate.difference for name, candidate in self.candidates.items()}


def decide(
    scores: Mapping[str, npt.ArrayLike],
    costs: Mapping[str, float],
    *,
    metric: str = "score",
    margin: float = 0.01,
    level: float = 0.95,
    least_saving: float = 0.0,
    seed: int = 0,
) -> Decision:
    """Choose the cheapest candidate that is shown to be as good as the best.

    The best is the candidate of the highest mean; of equals the cheaper, then the earlier. Another is as good if the
    lower end of the interval of its paired difference from the best exceeds `-margin`, at one-sided level
    `(1 - level) / 2`, Holm-corrected over the candidates; it is worse if the upper end, so corrected, is below
    `-margin`; else it is unclear. If an unclear one is cheaper than the cheapest good one, nothing is chosen.

    Cheaper means by more than a fifth (`COST_TOLERANCE`) and by more than `least_saving`; of the good candidates that
    are equally cheap the one of the highest mean is chosen.

    The best is picked by the same queries that it is then compared on, and owes some of its lead to luck, which makes
    the others look worse. So none is easily called good wrongly, but of five that are equal in truth one was called
    worse in 4.9 % of simulated samples of 50 queries (0.5 % of 300), where the correction alone would allow 2.5 %.
    Also, the highest mean need not belong to the best in truth. If it is also cheap it is chosen, though a dearer one
    may be better: one that was 0.02 worse in truth was chosen in 23 % of samples of 50 queries, 3 % of 300 and none
    of 1,000. `rivals` names the dearer ones that the queries do not rule out, and named the better one in all but
    0.9 % of samples. Confirm a choice that matters on queries that it was not made on. The simulation is
    `benchmarks/statistics_coverage.py`.

    Equal scores have a difference of 0 with an interval of no width: many queries that never tell two candidates
    apart count as proof that they are equal. Fewer than six queries never settle anything at a level of 0.95.

    Args:
        scores: For each candidate `(n_queries,)` scores, higher is better, queries in the same order.
        costs: For each candidate its cost, lower is better, in any unit.
        metric: What the scores are, for the explanation.
        margin: How much worse, in the metric, still counts as good; at least 0.
        level: Two-sided confidence level, between 0 and 1.
        least_saving: Costs that differ by no more than this count as equal, in the unit of the costs.
        seed: Of the resampling.

    Returns:
        The decision; with a single query always undecided.

    Raises:
        InvalidInputError: If scores are missing, not finite or of different lengths, a cost is missing or not
            finite, or an option makes no sense.

    Examples:
        >>> decision = decide({"dear": [0.5] * 9, "cheap": [0.5] * 9}, {"dear": 2, "cheap": 1})
        >>> decision.chosen, decision.verdicts
        ('cheap', {'dear': 'good', 'cheap': 'good'})
    """
    check_level(level)
    if not 0 <= margin < math.inf:
        raise InvalidInputError(f"margin must be at least 0 and finite, got {margin}")
    values = _check_scores(scores)
    prices = _check_costs(values, costs)
    best = min(values, key=lambda name: (-float(values[name].mean()), prices[name]))
    candidates = _judge(values, prices, best, margin, level, seed)
    provisional, blocking = _cheapest(candidates, least_saving)
    queries = len(values[best])
    decided = not blocking and queries > 1
    decision = Decision(
        status="decided" if decided else "undecided",
        chosen=provisional if decided else None,
        provisional=provisional,
        best=best,
        blocking=tuple(blocking),
        rivals=tuple(_rivals(values, prices, provisional, margin, level, seed, least_saving)),
        more_queries=_more_queries([values[name] - values[best] for name in blocking], len(values) - 1, margin, level),
        metric=metric,
        margin=margin,
        level=level,
        queries=queries,
        candidates=candidates,
    )
    return replace(decision, why=explain(decision, most_queries=MOST_QUERIES))


def _check_scores(scores: Mapping[str, npt.ArrayLike]) -> dict[str, Scores]:
    if not scores:
        raise InvalidInputError("scores must hold at least one candidate, got none")
    values = {name: as_scores(given, what=f"scores of {name!r}") for name, given in scores.items()}
    first, *others = values
    for name in others:
        if len(values[name]) != len(values[first]):
            raise InvalidInputError(
                f"scores must be of the same queries: {first!r} has {len(values[first])}, {name!r} {len(values[name])}"
            )
    return values


def _check_costs(names: Mapping[str, Scores], costs: Mapping[str, float]) -> dict[str, float]:
    for name in names:
        if name not in costs or not math.isfinite(costs[name]):
            raise InvalidInputError(f"costs must hold a finite number for {name!r}, got {costs.get(name)}")
    return {name: float(costs[name]) for name in names}


def _judge(
    values: Mapping[str, Scores], prices: Mapping[str, float], best: str, margin: float, level: float, seed: int
) -> dict[str, CandidateDecision]:
    others = [name for name in values if name != best]
    tail = (1 - level) / 2
    resampled = {name: bootstrap(values[name] - values[best], seed=seed) for name in others}
    p_good = np.array([resampled[name].p_at_most(-margin) for name in others])
    p_worse = np.array([resampled[name].p_at_least(-margin) for name in others])
    good_levels, worse_levels = holm_levels(p_good, tail), holm_levels(p_worse, tail)
    adjusted = holm(p_good)
    zero = Interval(0.0, 0.0, 0.0)
    judged: dict[str, CandidateDecision] = {}
    for name, score in values.items():
        interval = bootstrap_interval(score, level=level, seed=seed)
        if name == best:
            judged[name] = CandidateDecision(interval.mean, interval, prices[name], zero, zero, 1.0, 0.0, "good")
            continue
        i = others.index(name)
        means = resampled[name]
        judged[name] = CandidateDecision(
            mean=interval.mean,
            interval=interval,
            cost=prices[name],
            difference=means.interval(level),
            corrected=Interval(means.mean, means.low(good_levels[i]), means.high(worse_levels[i])),
            p=randomisation_test(score - values[best], seed=seed),
            p_margin=float(adjusted[i]),
            verdict=_verdict(bool(p_good[i] <= good_levels[i]), bool(p_worse[i] <= worse_levels[i])),
        )
    return judged


def _cheapest(candidates: Mapping[str, CandidateDecision], least_saving: float) -> tuple[str, list[str]]:
    """Find the best of the cheapest good candidates, and the unclear ones that are cheaper still, cheapest first."""
    ranked = sorted(candidates, key=lambda name: (candidates[name].cost, -candidates[name].mean))
    good = [name for name in ranked if candidates[name].verdict == "good"]
    lowest = candidates[good[0]].cost
    cheap = [name for name in good if not _is_cheaper(lowest, candidates[name].cost, least_saving)]
    choice = max(cheap, key=lambda name: candidates[name].mean)
    unclear = [name for name in ranked if candidates[name].verdict == "unclear"]
    return choice, [n for n in unclear if _is_cheaper(candidates[n].cost, candidates[choice].cost, least_saving)]


def _is_cheaper(one: float, other: float, least_saving: float) -> bool:
    return other - one > max(COST_TOLERANCE * other, least_saving)


def _verdict(is_good: bool, is_worse: bool) -> Verdict:
    if is_good:
        return "good"
    return "worse" if is_worse else "unclear"


def _rivals(
    values: Mapping[str, Scores],
    prices: Mapping[str, float],
    choice: str,
    margin: float,
    level: float,
    seed: int,
    least_saving: float,
) -> Iterator[str]:
    for name, score in values.items():
        if name != choice and not _is_cheaper(prices[name], prices[choice], least_saving):
            means = bootstrap(score - values[choice], seed=seed)
            if means.p_at_least(margin) > (1 - level) / 2:
                yield name


def _more_queries(blocking: list[Scores], compared: int, margin: float, level: float) -> int | None:
    """Predict by the normal distribution, as if what was observed of each blocking candidate were the truth."""
    if not blocking or len(blocking[0]) < 2:
        return None
    tail = (1 - level) / 2 / compared
    reach = NormalDist().inv_cdf(1 - tail) + NormalDist().inv_cdf(_POWER)
    needed = 0.0
    for differences in blocking:
        distance = abs(float(differences.mean()) + margin)
        deviation = reach * float(differences.std(ddof=1))
        enough = (deviation / distance) ** 2 if deviation < distance * 1e6 else math.inf
        # However clear the scores are, n queries give no p below 2^-n.
        needed = max(needed, enough, math.ceil(-math.log2(tail)))
    more = max(needed - len(blocking[0]), 1)
    if more >= MOST_QUERIES:
        return MOST_QUERIES
    digits: int = 10 ** max(0, math.floor(math.log10(more)) - 1)
    return math.ceil(more / digits) * digits
