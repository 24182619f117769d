"""How much does approximate search miss, how fast is it, and how hard should it try?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy.typing as npt

from nearfield.collection.collection import Collection
from nearfield.errors import InvalidInputError
from nearfield.evaluation.recall_advice import advice, notes, searches_exactly
from nearfield.evaluation.recall_copies import delete_share, rank_filters, search_memory, temporary_copy
from nearfield.evaluation.recall_filters import ShareFilter, find_filters
from nearfield.evaluation.recall_queries import RecallQueries, check_searchable, recall_queries, sample_points
from nearfield.evaluation.recall_report import RecallFilter, RecallMeasurement, RecallReport, RecallVariant, best_effort
from nearfield.evaluation.recall_search import Timing, exact_answers, measure
from nearfield.progress import Progress, silent
from nearfield.stores.base import Effort, Quantisation, Store, StoreConfig

KS = (1, 10, 100)
SHARES = (0.001, 0.01, 0.1, 1.0)
EFS = (32, 64, 128, 256, 512)
OVERSAMPLINGS = (1.0, 2.0, 4.0)
AS_IT_IS = "as it is"
_FIELD_SAMPLE = 2000
"""Points whose metadata is looked at for fields to filter by."""


def measure_recall(
    source: Collection | Store,
    *,
    queries: "Mapping[str, str] | Sequence[str] | npt.ArrayLike | None" = None,
    ks: Sequence[int] = KS,
    shares: Sequence[float] = SHARES,
    efs: Sequence[int] = EFS,
    oversamplings: Sequence[float] = OVERSAMPLINGS,
    target: float = 0.98,
    target_k: int = 10,
    quantisations: Sequence[Quantisation] = (),
    deleted_share: float = 0.0,
    sample: int = 200,
    repeats: int = 3,
    level: float = 0.95,
    seed: int = 0,
    progress: Progress = silent,
) -> RecallReport:
    """Compare approximate with exact search on a store's own vectors, and find the effort that a target needs.

    The store is only read; what needs writing is done to temporary copies, which have vectors but no texts. What is
    timed is one query at a time in this process, without payloads.

    Args:
        source: A collection, or a store of any back end with exact and approximate search.
        queries: Texts, by id or in a list, for the collection's encoder; or `(q, d)` vectors. By default stored
            vectors drawn at random, each left out of its own results: close to real queries only where questions are
            like records.
        ks: Numbers of results, each at least 1.
        shares: What filters keep, above 0 and at most 1: by fields of the collection's own in the store itself, and
            by a field made for it in copies. A share for which the store has no field is left out and noted.
        efs: Efforts to try, each at least 1.
        oversamplings: Tried with each of them where vectors are quantised, each at least 1.
        target: Recall wanted, above 0 and at most 1.
        target_k: For how many results; added to `ks`.
        quantisations: Kinds to measure in temporary copies, side by side.
        deleted_share: Share of the points that are deleted from a copy, which is measured before and after; 0 for no
            such copy.
        sample: How many stored vectors are drawn, at least 2.
        repeats: How often each search is timed, at least 1.
        level: Confidence level of the intervals.
        seed: Of every draw.
        progress: Called after each setting.

    Returns:
        The report.

    Raises:
        CapabilityError: If the back end lacks exact or approximate search, or a quantisation.
        InvalidInputError: If an option is out of range, or the queries are texts and there is no encoder.
        DataError: If the store is empty.
        StorageError: If the disk or the server refuses.
    """
    store = source.store if isinstance(source, Collection) else source
    check_searchable(store)
    _check(
        ks=ks,
        shares=shares,
        efs=efs,
        oversamplings=oversamplings,
        target=target,
        target_k=target_k,
        deleted=deleted_share,
        sample=sample,
        again=repeats,
    )
    sampled = sample_points(store, max(sample, _FIELD_SAMPLE), seed=seed)
    asked = recall_queries(source, queries, sampled[:sample])
    plan = _Plan(
        queries=asked,
        ks=tuple(sorted({*ks, target_k})),
        efs=tuple(efs),
        oversamplings=tuple(oversamplings),
        target=target,
        target_k=target_k,
        timing=Timing(repeats, level, seed),
        progress=progress,
    )
    filters, missing = find_filters(store, [point.payload for point in sampled], sorted({*shares, 1.0}))
    variants = [plan.measure(AS_IT_IS, store, filters)]
    for quantisation in _copies(store.config.quantisation, quantisations, deleted_share):
        deleted = deleted_share if quantisation == store.config.quantisation else 0.0
        variants += plan.measure_copy(source, quantisation, sorted({*shares, 1.0}), deleted)
    return RecallReport(
        source=source.address if isinstance(source, Collection) else type(store).__name__,
        queries=asked.told,
        query_count=len(asked.vectors),
        target=target,
        target_k=target_k,
        current=store.config.effort,
        variants=tuple(variants),
        advice=advice(variants, store.config, target=target, k=target_k),
        notes=tuple(notes(variants[0], store.config, missing, stored_queries=queries is None)),
        level=level,
        repeats=repeats,
    )


def _check(
    *,
    ks: Sequence[int],
    shares: Sequence[float],
    efs: Sequence[int],
    oversamplings: Sequence[float],
    target: float,
    target_k: int,
    deleted: float,
    sample: int,
    again: int,
) -> None:
    for name, least, values in (("k", 1, (*ks, target_k)), ("sample", 2, (sample,)), ("repeats", 1, (again,))):
        if min(values) < least:
            raise InvalidInputError(f"{name} must be at least {least}, got {min(values)}")
    for name, least, efforts in (("ef", 1, efs), ("oversampling", 1, oversamplings)):
        if not all(least <= one < 1 << 31 for one in efforts):
            raise InvalidInputError(f"{name} must be at least {least} and below 2**31, got {[*efforts]}")
    for share in (*shares, target):
        if not 0 < share <= 1:
            raise InvalidInputError(f"a share and the target must be above 0 and at most 1, got {share}")
    if not 0 <= deleted < 1:
        raise InvalidInputError(f"deleted_share must be at least 0 and below 1, got {deleted}")


def _copies(own: Quantisation, asked: Sequence[Quantisation], deleted_share: float) -> list[Quantisation]:
    """List the copies to make, the store's own kind first where one is needed for deleting."""
    return list(dict.fromkeys([own, *asked] if deleted_share else asked))


def _told(narrowed: ShareFilter, exact_queries_per_second: float) -> RecallFilter:
    where = "" if narrowed.where is None else json.dumps(narrowed.where, ensure_ascii=False)
    return RecallFilter(narrowed.share, where, narrowed.kept, exact_queries_per_second)


@dataclass(frozen=True)
class _Plan:
    """What is done to every store that is measured."""

    queries: RecallQueries
    ks: tuple[int, ...]
    efs: tuple[int, ...]
    oversamplings: tuple[float, ...]
    target: float
    target_k: int
    timing: Timing
    progress: Progress

    def measure_copy(
        self, source: Collection | Store, quantisation: Quantisation, shares: Sequence[float], deleted: float
    ) -> Iterator[RecallVariant]:
        """Measure a copy, and again when points of it were deleted."""
        with temporary_copy(source, quantisation, progress=self.progress) as copy:
            records = copy.count()
            yield self.measure(f"copy, {quantisation}", copy, rank_filters(copy, shares, records))
            if deleted:
                delete_share(copy, deleted, seed=self.timing.seed)
                filters = rank_filters(copy, shares, records)
                yield self.measure(f"copy, {quantisation}, {deleted:.0%} deleted", copy, filters)

    def measure(self, name: str, store: Store, filters: Sequence[ShareFilter]) -> RecallVariant:
        """Measure every effort with every filter, and the best one and the one in use at every number of results."""
        answers = [(one, exact_answers(store, self.queries, one, k=max(self.ks))) for one in filters]
        records = store.count()
        # Up to there every search compares with all, so one effort says it of any.
        efforts = self._efforts(store.config) if records > store.config.index_above else [store.config.effort]
        measured: list[RecallMeasurement] = []

        def add(k: int, effort: Effort) -> None:
            for narrowed, exact in answers:
                measured.append(measure(store, self.queries, exact, narrowed, k=k, effort=effort, timing=self.timing))
                self.progress(f"measuring {name}", len(measured), None)

        for effort in efforts:
            add(self.target_k, effort)
        shares = [one.share for one in filters]
        best = best_effort(measured, shares, target=self.target, k=self.target_k)
        if best is not None and searches_exactly(store.config, store.count()):
            best = store.config.effort  # any other would only be felt when the store has grown, and was not measured
        for k in self.ks:
            if k != self.target_k:
                for effort in dict.fromkeys([store.config.effort, best or store.config.effort]):
                    add(k, effort)
        return RecallVariant(
            name=name,
            quantisation=store.config.quantisation,
            records=records,
            memory_bytes=search_memory(store.config, records),
            disk_bytes=store.allocated_bytes(),
            filters=tuple(_told(narrowed, exact.queries_per_second) for narrowed, exact in answers),
            measurements=tuple(sorted(measured, key=lambda one: (one.share, one.k))),
            best=best,
        )

    def _efforts(self, config: StoreConfig) -> list[Effort]:
        """List the efforts to try, that of the configuration among them."""
        oversamplings = (1.0,) if config.quantisation == "none" else self.oversamplings
        grid = {Effort(ef, oversampling) for ef in self.efs for oversampling in oversamplings}
        return sorted(grid | {config.effort}, key=lambda effort: (effort.ef, effort.oversampling))
