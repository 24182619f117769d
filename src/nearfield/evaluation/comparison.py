"""The result of a comparison: what was measured, what was decided, and how to build it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.data.corpus import Corpus
from nearfield.data.rows import Source
from nearfield.encoders.base import Encoder
from nearfield.encoders.cache import VectorCache
from nearfield.encoders.load import load_encoder
from nearfield.errors import DataError, InvalidInputError, SpaceMismatchError
from nearfield.evaluation.cost import Cost, CostModel
from nearfield.evaluation.decision import Decision
from nearfield.files import replace_file
from nearfield.progress import Progress, silent
from nearfield.report.frozen import from_json, to_json
from nearfield.report.page import framed
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.statistics import Interval
from nearfield.stores.base import StoreConfig

FORMAT_VERSION = 1


@dataclass(frozen=True)
class CandidateResult:
    """What was measured of one candidate.

    Attributes:
        name: As the user wrote it.
        retriever: How it ranks, resolved: building it gives what was measured.
        fingerprint: The encoder's; None without a dense leg.
        metrics: For each metric its mean and interval over the judged queries.
        scores: For each query, in the order of `ComparisonReport.queries`, the deciding metric.
        rankings: For each query the ids of the ten best records.
        cost: What it takes to index and to answer.
        monthly_cost: The same in US dollars a month, by the report's cost model.
        truncated: Records longer than the encoder reads.
    """

    name: str
    retriever: RetrieverSpec
    fingerprint: str | None
    metrics: Mapping[str, Interval]
    scores: tuple[float, ...]
    rankings: tuple[tuple[str, ...], ...]
    cost: Cost
    monthly_cost: float
    truncated: int = 0


@dataclass(frozen=True)
class Query:
    """A judged query.

    Attributes:
        id: Its id.
        text: Its text.
        relevant: Ids of the records judged relevant, best first.
    """

    id: str
    text: str
    relevant: tuple[str, ...]


@dataclass(frozen=True)
class Protocol:
    """On what, how and where it was measured.

    Attributes:
        corpus: Where the records came from.
        records: How many there were.
        corpus_digest: Hash of the records' contents, in order.
        skipped: Bad records, judgements of what is not there, and queries without a relevant record, all left out.
        metric: The metric that decides.
        margin: How much worse a candidate may be and still count as good.
        level: Confidence level of the intervals.
        seed: Of the resampling.
        cost_model: Prices and workload.
        versions: Versions of nearfield and what it computes with.
        machine: Processor and number of cores.
        database: Where the candidates were built, if not in folders.
    """

    corpus: str
    records: int
    corpus_digest: str
    skipped: int
    metric: str
    margin: float
    level: float
    seed: int
    cost_model: CostModel
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    database: str = ""


@dataclass(frozen=True)
class ComparisonReport:
    """Which retriever fits the data, and the evidence.

    `print(report)` shows it, a notebook renders it, `save` and `load` keep it, `to_markdown` and `to_html` hand it
    on, `build` makes the collection.

    Attributes:
        protocol: On what, how and where it was measured.
        queries: The judged queries.
        candidates: What was measured of each.
        decision: Which to take, and why.
        snippets: Beginnings of the records that the report shows, by id.
    """

    protocol: Protocol
    queries: tuple[Query, ...]
    candidates: tuple[CandidateResult, ...]
    decision: Decision
    snippets: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together, as a file changed by hand may hold."""
        names = [candidate.name for candidate in self.candidates]
        if not names or len(set(names)) < len(names) or set(names) != set(self.decision.candidates):
            raise InvalidInputError(f"candidates must be those decided on, each once, got {names}")
        for candidate in self.candidates:
            counts = {len(candidate.scores), len(candidate.rankings), len(self.queries)}
            if len(counts) > 1 or self.protocol.metric not in candidate.metrics:
                raise InvalidInputError(f"candidate {candidate.name!r} lacks a score, a ranking or the deciding metric")
            if candidate.retriever.name != candidate.name:
                raise InvalidInputError(f"candidate {candidate.name!r} has the retriever {candidate.retriever.name!r}")

    def candidate(self, name: str) -> CandidateResult:
        """Find a candidate.

        Args:
            name: Its name.

        Returns:
            What was measured of it.

        Raises:
            InvalidInputError: If the report has none of that name.
        """
        for candidate in self.candidates:
            if candidate.name == name:
                return candidate
        names = ", ".join(candidate.name for candidate in self.candidates)
        raise InvalidInputError(f"the report has no candidate {name!r}; it has {names}")

    def choice(self, name: str | None = None) -> RetrieverSpec:
        """Say what to build.

        Args:
            name: A candidate; the one that was decided on by default.

        Returns:
            Its retriever, resolved: what was measured.

        Raises:
            InvalidInputError: If there is none of that name, or nothing was decided.
        """
        name = name or self.decision.chosen
        if name is None:
            raise InvalidInputError(
                f"the report is undecided: {self.decision.why} Name the candidate to build, such as "
                f"{self.decision.provisional!r}"
            )
        return self.candidate(name).retriever

    def prepare(
        self, name: str | None = None, *, encoders: Mapping[str, Encoder] | None = None
    ) -> tuple[RetrieverSpec, Encoder | None]:
        """Get ready to build exactly what was measured.

        Args:
            name: A candidate; the one that was decided on by default.
            encoders: Encoders of one's own, as in `compare`.

        Returns:
            Its retriever, resolved, and its encoder, if it has a dense leg.

        Raises:
            InvalidInputError: If there is no such candidate, or nothing was decided.
            SpaceMismatchError: If the encoder is not the one that was measured.
        """
        spec = self.choice(name)
        encoder: Encoder | None = None
        if spec.encoder is not None:
            encoder = (encoders or {}).get(spec.encoder) or load_encoder(spec.encoder)
        measured = self.candidate(spec.name).fingerprint
        found = None if encoder is None else encoder.spec.fingerprint
        if found != measured:
            raise SpaceMismatchError(
                f"{spec.name} was measured with an encoder of fingerprint {measured}, but the one found here has "
                f"{found}; use the encoder that was measured, or compare again"
            )
        return spec, encoder

    def build(
        self,
        address: str | os.PathLike[str],
        corpus: "Source | Corpus",
        *,
        candidate: str | None = None,
        encoders: Mapping[str, Encoder] | None = None,
        cache: VectorCache | None = None,
        store: StoreConfig | None = None,
        progress: Progress = silent,
    ) -> Collection:
        """Build the collection that was decided on, or go on with an interrupted one.

        Args:
            address: The collection's folder or URL.
            corpus: What `read_corpus` reads.
            candidate: Another candidate than the one decided on.
            encoders: Encoders of one's own, as in `compare`.
            cache: Where vectors are looked up before they are computed.
            store: Options of the store.
            progress: Called with the number of records that are safe.

        Returns:
            The collection, open.

        Raises:
            SpaceMismatchError: If the encoder is not the one that was measured.
        """
        spec, encoder = self.prepare(candidate, encoders=encoders)
        return build_collection(address, corpus, spec, encoder=encoder, cache=cache, store=store, progress=progress)[0]

    def to_json(self) -> dict[str, Any]:
        """Write the report down as JSON values."""
        return {"format_version": FORMAT_VERSION, **to_json(self)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report to a JSON file: all of it or none.

        Args:
            path: The file.

        Raises:
            StorageError: If the disk refuses.
        """
        replace_file(Path(path), json.dumps(self.to_json(), ensure_ascii=False, indent=1).encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ComparisonReport":
        """Read a report that `save` wrote.

        Args:
            path: The file.

        Returns:
            The report.

        Raises:
            DataError: If the file is missing, damaged, or of another format.
        """
        try:
            values = json.loads(Path(path).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"cannot be read as a report: {error}", source=str(path)) from error
        version = values.pop("format_version", None) if isinstance(values, dict) else None
        if version != FORMAT_VERSION:
            raise DataError(
                f"is no report of format {FORMAT_VERSION} (its format_version is {version!r}); give a file that "
                "`nearfield compare --save` wrote",
                source=str(path),
            )
        try:
            return from_json(cls, values)
        except InvalidInputError as error:
            raise DataError(f"is a damaged report: {error}", source=str(path)) from error

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the report for people.

        Args:
            path: The file; `.html` for one self-contained page, or `.md`.

        Raises:
            InvalidInputError: If the ending is neither.
        """
        suffix = Path(path).suffix.lower()
        writers = {".html": self.to_html, ".htm": self.to_html, ".md": self.to_markdown}
        if suffix not in writers:
            raise InvalidInputError(f"a report's file must end in .html or .md, got {os.fspath(path)!r}")
        replace_file(Path(path), writers[suffix]().encode())

    def to_html(self) -> str:
        """Render one self-contained HTML page."""
        from nearfield.evaluation.comparison_page import comparison_html

        return comparison_html(self)

    def to_markdown(self) -> str:
        """Render Markdown."""
        from nearfield.evaluation.comparison_page import comparison_markdown

        return comparison_markdown(self)

    def __str__(self) -> str:
        """Render a table for the terminal."""
        from nearfield.evaluation.comparison_page import comparison_text

        return comparison_text(self)

    def _repr_html_(self) -> str:
        return framed(self.to_html())
