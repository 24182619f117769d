"""How the candidates stand after the decision, in the terms that tables and plots are drawn in."""

import math
from dataclasses import dataclass

from nearfield.evaluation.comparison import CandidateResult, ComparisonReport
from nearfield.report.svg import Emphasis
from nearfield.statistics import Interval

MARKERS: dict[Emphasis, str] = {"chosen": "→", "good": "=", "unclear": "?", "worse": ""}


@dataclass(frozen=True)
class Measured:
    """A mean and, where there are queries enough, its interval."""

    value: float
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, interval: Interval) -> "Measured":
        """Keep an interval only if both of its ends are known."""
        ends = (interval.low, interval.high)
        return cls(interval.mean, ends if all(map(math.isfinite, ends)) else None)

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Both ends of the interval, or None for each."""
        return self.interval or (None, None)


@dataclass(frozen=True)
class Standing:
    """What the decision makes of a candidate.

    Attributes:
        candidate: The candidate.
        emphasis: Chosen, as good as the best, unclear, or worse.
        quality: Its deciding metric.
        difference: From the best, with the interval that decides; None for the best itself.
    """

    candidate: CandidateResult
    emphasis: Emphasis
    quality: Measured
    difference: Measured | None


def standings(report: ComparisonReport) -> list[Standing]:
    """Order the candidates, best first; of equals, as they were given."""
    metric = report.protocol.metric
    ordered = sorted(report.candidates, key=lambda candidate: -candidate.metrics[metric].mean)
    return [_standing(report, candidate) for candidate in ordered]


def _standing(report: ComparisonReport, candidate: CandidateResult) -> Standing:
    decision = report.decision
    judged = decision.candidates[candidate.name]
    emphasis: Emphasis = "chosen" if candidate.name == decision.chosen else judged.verdict
    # The corrected interval, because it is the one that the verdict is read from.
    difference = None if candidate.name == decision.best else Measured.of(judged.corrected)
    return Standing(candidate, emphasis, Measured.of(candidate.metrics[report.protocol.metric]), difference)


def is_decided(report: ComparisonReport) -> bool:
    """Whether one candidate was chosen."""
    return report.decision.chosen is not None


def reference(report: ComparisonReport) -> CandidateResult:
    """Find the candidate the others are compared with: the chosen one; undecided, the safe one."""
    return report.candidate(report.decision.provisional)


def verdict(report: ComparisonReport) -> str:
    """Say in a line what to do."""
    chosen = report.decision.chosen
    return f"Use {chosen}" if chosen else f"Undecided: {report.decision.provisional} until more queries are judged"
