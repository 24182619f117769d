"""Which retriever fits the data: build each candidate for real, ask it the judged queries, decide."""

import contextlib
import dataclasses
import hashlib
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.data.corpus import Corpus, read_corpus
from nearfield.data.judgements import Judgements, read_judgements
from nearfield.data.qrels import QrelsSource
from nearfield.data.records import batched
from nearfield.data.rows import Source
from nearfield.encoders.base import Encoder
from nearfield.encoders.cache import VectorCache
from nearfield.encoders.cached import CachedEncoder
from nearfield.encoders.load import load_encoder
from nearfield.errors import InvalidInputError
from nearfield.evaluation.comparison import CandidateResult, ComparisonReport, Protocol, Query
from nearfield.evaluation.cost import Cost, CostModel
from nearfield.evaluation.decision import decide
from nearfield.evaluation.metrics import evaluate_run, parse_metric
from nearfield.evaluation.run import METRICS, Run, run_queries
from nearfield.progress import Progress, silent
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.statistics import bootstrap_interval
from nearfield.stores.address import Address

SHOWN_DEPTH = 10
LEAST_SAVING = 0.05  # US dollars a month: less decides nothing
SNIPPET_CHARACTERS = 240


def compare(
    corpus: "Source | Corpus",
    candidates: Sequence[str | RetrieverSpec],
    *,
    queries: Source,
    qrels: QrelsSource,
    metric: str = "ndcg@10",
    margin: float = 0.01,
    level: float = 0.95,
    metrics: Sequence[str] = METRICS,
    cost_model: CostModel | None = None,
    encoders: Mapping[str, Encoder] | None = None,
    cache: VectorCache | None = None,
    database: str | None = None,
    skip_bad: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> ComparisonReport:
    """Find out which retriever to use for these records, by queries whose answers are known.

    Each candidate is built as a collection, in a temporary folder or in a database, and asked each query through the
    same code that serves it later. A candidate counts as good if it is shown to be no more than `margin` worse than
    the best; the cheapest of those is chosen. If the queries are too few to tell, the report says so.

    Args:
        corpus: What `read_corpus` reads; gone through several times, so not a one-shot iterator.
        candidates: Retrievers, such as `["bm25", "all-MiniLM-L6-v2", "hybrid:all-MiniLM-L6-v2"]`.
        queries: What `read_queries` reads.
        qrels: What `read_qrels` reads.
        metric: The metric that decides.
        margin: How much worse, in the metric, still counts as good; at least 0.
        level: Confidence level of the intervals.
        metrics: Metrics to report besides.
        cost_model: Prices and workload; see `CostModel`.
        encoders: Encoders of one's own, by the name candidates use for them.
        cache: Where vectors are kept beyond this call.
        database: URL of the database in which the candidates are built, and removed again, so that what is measured is
            that database's speed and, as a leg such as `postgresql-fulltext`, its own lexical search.
        skip_bad: Whether bad records and judgements are counted and left out; else the first is an error.
        seed: Of the resampling.
        progress: Called as the work goes on.

    Returns:
        The report.

    Raises:
        DataError: If a record, query or judgement cannot be used.
        InvalidInputError: If a candidate, metric or option makes no sense.
        UnknownEncoderError: If an encoder cannot be found.
    """
    specs = _distinct([RetrieverSpec.parse(c) if isinstance(c, str) else c for c in candidates])
    names = [str(parse_metric(name)) for name in dict.fromkeys((metric, *metrics))]
    if not (0 <= margin < float("inf") and 0 < level < 1 and seed >= 0):
        raise InvalidInputError(
            f"margin and seed must be at least 0 and level between 0 and 1, got {margin}, {seed} and {level}"
        )
    place = None if database is None else Address.parse(database).with_name("")
    corpus = read_corpus(corpus, skip_bad=skip_bad)
    judgements = read_judgements(queries, qrels, skip_bad=skip_bad)
    loaded = {name: (encoders or {}).get(name) or load_encoder(name) for spec in specs if (name := spec.encoder)}
    survey = _Survey.of(corpus, judgements, progress)
    judgements = judgements.check_documents(survey.judged, skip_bad=skip_bad).answerable()
    model = cost_model or CostModel()
    with tempfile.TemporaryDirectory(prefix="nearfield-compare-") as folder, contextlib.ExitStack() as stack:
        kept = cache or stack.enter_context(contextlib.closing(VectorCache(Path(folder) / "vectors.sqlite")))
        bench = _Bench(
            place or Address("", path=folder), corpus, judgements, survey, kept, names, model, level, seed, progress
        )
        results = [bench.measure(spec, loaded[spec.encoder] if spec.encoder else None) for spec in specs]
    decision = decide(
        {result.name: np.array(result.scores) for result in results},
        {result.name: result.monthly_cost for result in results},
        metric=names[0],
        margin=margin,
        level=level,
        least_saving=LEAST_SAVING,
        seed=seed,
    )
    left_out = judgements.unknown_queries + judgements.unknown_documents + judgements.without_relevant
    asked = tuple(
        Query(id_, text, tuple(document for document, grade in _by_grade(judgements.qrels[id_]) if grade > 0))
        for id_, text in judgements.queries.items()
    )
    return ComparisonReport(
        protocol=Protocol(
            corpus=corpus.source,
            records=survey.records,
            corpus_digest=survey.digest,
            skipped=corpus.skipped.count + left_out,
            metric=names[0],
            margin=margin,
            level=level,
            seed=seed,
            cost_model=model,
            versions=_versions(),
            machine=f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
            database="" if place is None else str(place),
        ),
        queries=asked,
        candidates=tuple(results),
        decision=decision,
        snippets=_snippets(corpus, results, asked),
    )


@dataclasses.dataclass(frozen=True)
class _Survey:
    """What one pass over the corpus tells."""

    records: int
    digest: str
    judged: frozenset[str]

    @classmethod
    def of(cls, corpus: Corpus, judgements: Judgements, progress: Progress) -> "_Survey":
        digest = hashlib.blake2b(digest_size=16)
        records = 0
        judged: set[str] = set()
        for record in corpus:
            digest.update(f"{record.id}\0{record.digest}\n".encode())
            records += 1
            if record.id in judgements.documents:
                judged.add(record.id)
            if records % 1000 == 0:
                progress("reading the corpus", records, None)
        return cls(records, digest.hexdigest(), frozenset(judged))


@dataclasses.dataclass(frozen=True)
class _Bench:
    """Everything that is the same for each candidate."""

    place: Address
    corpus: Corpus
    judgements: Judgements
    survey: _Survey
    cache: VectorCache
    metrics: list[str]
    cost_model: CostModel
    level: float
    seed: int
    progress: Progress

    def measure(self, spec: RetrieverSpec, encoder: Encoder | None) -> CandidateResult:
        """Build a candidate, ask it every query, and score its answers."""

        def progress(what: str, done: int, total: int | None) -> None:
            self.progress(f"{spec.name}: {what}", done, total)

        encode_seconds = 0.0 if encoder is None else self._encode(encoder, progress)
        began = time.perf_counter()
        address = self.place.with_name(f"compare-{secrets.token_hex(8)}")
        collection, summary = build_collection(
            address, self.corpus, spec, encoder=encoder, cache=self.cache, progress=progress
        )
        write_seconds = time.perf_counter() - began
        try:
            depth = max(SHOWN_DEPTH, *(parse_metric(name).k for name in self.metrics))
            run = run_queries(collection, self.judgements.queries, depth=depth, progress=progress)
            cost = _cost(collection, run, encode_seconds, write_seconds)
            resolved = collection.spec
        finally:
            collection.drop()
        scored = evaluate_run(run.rankings, self.judgements.qrels, self.metrics)
        return CandidateResult(
            name=spec.name,
            retriever=resolved,
            fingerprint=None if encoder is None else encoder.spec.fingerprint,
            metrics={
                name: bootstrap_interval(values, level=self.level, seed=self.seed) for name, values in scored.items()
            },
            scores=tuple(map(float, scored[self.metrics[0]])),
            rankings=tuple(ranking[:SHOWN_DEPTH] for ranking in run.rankings.values()),
            cost=cost,
            monthly_cost=self.cost_model.monthly(cost),
            truncated=summary.truncated,
        )

    def _encode(self, encoder: Encoder, progress: Progress) -> float:
        """Fill the cache with the corpus's vectors, and say what encoding all of it takes."""
        cached = CachedEncoder(encoder, self.cache)
        done = 0
        for batch in batched(self.corpus, 1024):
            told = done
            cached.encode_document(
                [record.content for record in batch],
                progress=lambda what, n, _: progress(what, told + n, self.survey.records),  # noqa: B023  # called before the next batch
            )
            done += len(batch)
        return cached.seconds


def _cost(collection: Collection, run: Run, encode_seconds: float, write_seconds: float) -> Cost:
    disk = collection.store.allocated_bytes()
    if disk is None:  # the back end does not tell: no less than the vectors
        disk = collection.count() * (collection.manifest.store.dim or 0) * np.dtype(np.float32).itemsize
    encoder = collection.encoder
    return Cost(
        encode_seconds=encode_seconds,
        write_seconds=write_seconds,
        query_seconds=float(np.median(run.seconds)),
        query_seconds_p95=float(np.quantile(run.seconds, 0.95)),
        memory_bytes=disk + (0 if encoder is None else encoder.weights_bytes),
        disk_bytes=disk,
    )


def _distinct(specs: list[RetrieverSpec]) -> list[RetrieverSpec]:
    if not specs:
        raise InvalidInputError("candidates must name at least one retriever, such as 'bm25'")
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"candidates must have different names, got {', '.join(names)}")
    return specs


def _by_grade(grades: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(grades.items(), key=lambda item: (-item[1], item[0]))


def _snippets(corpus: Corpus, results: Sequence[CandidateResult], queries: Sequence[Query]) -> dict[str, str]:
    wanted = {ranking[0] for result in results for ranking in result.rankings if ranking}
    wanted.update(document for query in queries for document in query.relevant[:3])
    return {record.id: record.content[:SNIPPET_CHARACTERS] for record in corpus if record.id in wanted}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("nearfield", "numpy", "onnxruntime", "qdrant-edge-py"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
