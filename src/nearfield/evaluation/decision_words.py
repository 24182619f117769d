"""A decision in plain words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nearfield.report.numbers import counted, decimal, interval

if TYPE_CHECKING:
    from nearfield.evaluation.decision import Decision


def explain(decision: "Decision", *, most_queries: int) -> str:
    """Say which candidate to take and why, or why none can be told yet.

    Args:
        decision: Its own `why` is ignored.
        most_queries: From how many queries on to say "more than".

    Returns:
        A few sentences.
    """
    if decision.queries < 2:
        return (
            "One judged query does not tell how much queries differ, so nothing is decided; judge more. "
            f"Until then {decision.provisional} has the highest {decision.metric}."
        )
    parts = _reasons(decision) if decision.chosen else _doubts(decision, most_queries)
    if decision.rivals:
        parts.append(
            f"Not ruled out by these queries: that {_listed(decision.rivals)}, no cheaper, "
            f"{'is' if len(decision.rivals) == 1 else 'are'} better than {decision.provisional} "
            f"by more than {decision.margin:g}."
        )
    return " ".join(parts)


def _reasons(decision: "Decision") -> list[str]:
    chosen = decision.provisional
    said = [f"{_measured(decision)}."]
    good = [name for name, verdict in decision.verdicts.items() if verdict == "good"]
    if len(good) > 1:
        said.append(f"As good as the best ({decision.best}) within {decision.margin:g}: {_listed(good)}.")
        said.append(f"{chosen} is the cheapest of them.")
    elif len(decision.candidates) > 1:
        said.append(f"It has the highest mean, and no other is shown to be as good within {decision.margin:g}.")
    else:
        said.append("It is the only candidate.")
    return said


def _doubts(decision: "Decision", most_queries: int) -> list[str]:
    said = []
    for name in decision.blocking:
        corrected = decision.candidates[name].corrected
        said.append(
            f"{name} is cheaper than {decision.provisional} and may be as good: its difference from the best "
            f"({decision.best}) is {decimal(corrected.mean, signed=True)} "
            f"{interval(corrected.low, corrected.high, signed=True)} at a margin of {decision.margin:g}."
        )
    more = decision.more_queries
    if more is not None:
        about = f"More than {most_queries:,}" if more >= most_queries else f"About {more:,}"
        said.append(f"{about} more judged {'query' if more == 1 else 'queries'} would settle it.")
    said.append(f"Until then the safe choice is {_measured(decision)}.")
    return said


def _measured(decision: "Decision") -> str:
    mean = decision.candidates[decision.provisional].interval
    ends = interval(mean.low, mean.high)
    return (
        f"{decision.provisional}: {decision.metric} {decimal(mean.mean)} {ends} over "
        f"{counted(decision.queries, 'query', 'queries')}"
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
