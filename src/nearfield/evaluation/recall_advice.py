"""What follows from measured recall, in words."""

from collections.abc import Iterator, Sequence

from nearfield.evaluation.recall_report import RecallMeasurement, RecallVariant
from nearfield.report.numbers import decimal
from nearfield.stores.base import Effort, StoreConfig


def effort_words(effort: Effort) -> str:
    """Name an effort.

    Args:
        effort: Any.

    Returns:
        Both of its numbers.

    Examples:
        >>> effort_words(Effort(128, 2.0))
        'ef 128, oversampling 2'
    """
    return f"ef {effort.ef}, oversampling {effort.oversampling:g}"


def searches_exactly(config: StoreConfig, records: int) -> bool:
    """Say whether a store is so small that it builds no index, so that its effort changes nothing yet."""
    return records <= config.index_above


def advice(variants: Sequence[RecallVariant], config: StoreConfig, *, target: float, k: int) -> str:
    """Say which effort to take, or what to change where none is enough.

    Args:
        variants: The store as it is, then copies.
        config: How the store searches now.
        target: The recall wanted.
        k: For how many results.

    Returns:
        One or more sentences.
    """
    own = variants[0]
    goal = f"recall@{k} of at least {target:g}, with every filter measured"
    if own.best is not None and searches_exactly(config, own.records):
        text = f"Keep {effort_words(own.best)}: every search compares with all {own.records:,} records by now."
    elif own.best is not None:
        speed, now = _speed(own, own.best, k), _speed(own, config.effort, k)
        text = f"Take {effort_words(own.best)}: the cheapest that is shown to reach a {goal}, at {speed:,.0f} queries/s"
        text += ", as now." if own.best == config.effort else f" ({now:,.0f} now, by {effort_words(config.effort)})."
    else:
        worst = max(_weakest(own, k), key=lambda one: one.recall.low)
        text = (
            f"No effort measured is shown to reach a {goal}; {effort_words(worst.effort)} comes nearest, with "
            f"{decimal(worst.recall.mean)}, at least {decimal(worst.recall.low)}, where it is worst. {_rebuild(config)}"
        )
    others = [one for one in variants[1:] if one.best is not None]
    told = [f"{one.name}: {effort_words(one.best)}, {_speed(one, one.best, k):,.0f}/s" for one in others if one.best]
    return f"{text} Of the copies, reaching it: {'; '.join(told)}." if told else text


def _rebuild(config: StoreConfig) -> str:
    how = [f"m={2 * config.m} and ef_construct={2 * config.ef_construct} (now {config.m} and {config.ef_construct})"]
    if config.quantisation != "none":
        how.append(f"quantisation none (now {config.quantisation})")
    return f"Try larger efforts, ask more queries if the interval is wide, or build again with {', or '.join(how)}."


def _weakest(variant: RecallVariant, k: int) -> list[RecallMeasurement]:
    """Give for each effort its worst measurement over the filters."""
    worst: dict[Effort, RecallMeasurement] = {}
    for one in variant.measurements:
        if one.k == k and (one.effort not in worst or one.recall.low < worst[one.effort].recall.low):
            worst[one.effort] = one
    return list(worst.values())


def _speed(variant: RecallVariant, effort: Effort, k: int) -> float:
    return next(one.queries_per_second for one in variant.unfiltered(k) if one.effort == effort)


def notes(own: RecallVariant, config: StoreConfig, missing: Sequence[float], *, stored_queries: bool) -> Iterator[str]:
    """Say what limits what the numbers say.

    Args:
        own: The store as it is.
        config: What it holds.
        missing: Shares for which it has no filter.
        stored_queries: Whether stored vectors stood in for queries.

    Yields:
        A sentence for each limit.
    """
    if searches_exactly(config, own.records):
        yield (
            f"The store holds {own.records:,} records and builds an index above {config.index_above:,}: up to there "
            "every search compares with all of them, so recall is 1 whatever the effort."
        )
    if stored_queries:
        yield "Stored vectors stood in for queries; where questions are unlike records, give some with --queries."
    if missing:
        yield (
            f"No metadata field keeps about {', '.join(f'{share:.3g}' for share in missing)} of the records, so such "
            "filters were not measured on the store itself; in copies a field made for it is."
        )
