"""Is a rounded encoder as good as the one it was rounded from? Measured on SciFact's claims and abstracts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Vectors, normalise
from nearfield.data.bundled import load_dataset
from nearfield.encoders.base import Encoder
from nearfield.encoders.int8_gate import remember_gate
from nearfield.encoders.load import open_encoder
from nearfield.encoders.options import VectorOptions, override, split_name
from nearfield.errors import InvalidInputError
from nearfield.evaluation.doctor import require_local
from nearfield.evaluation.metrics import evaluate_run
from nearfield.progress import Progress, silent
from nearfield.report.frozen import to_json
from nearfield.report.numbers import decimal, interval
from nearfield.statistics import Interval, bootstrap_interval

LEAST_COSINE = 0.99
MARGIN = 0.005
_DOCUMENTS = 1000
_METRIC = "ndcg@10"


@dataclass(frozen=True)
class GateResult:
    """How a rounded encoder compares with its reference.

    Attributes:
        encoder: Name of the rounded encoder.
        fingerprint: Its space.
        mean_cosine: Mean over the documents of the cosine between both encoders' vectors of one.
        reference_ndcg: Mean nDCG@10 of the reference.
        ndcg: Mean nDCG@10 of the rounded encoder.
        difference: Rounded minus reference, paired by query, with its 95 % interval.
        queries: How many judged queries it rests on.
        documents: How many documents they were asked of.
    """

    encoder: str
    fingerprint: str
    mean_cosine: float
    reference_ndcg: float
    ndcg: float
    difference: Interval
    queries: int
    documents: int

    @property
    def passed(self) -> bool:
        """Whether the vectors are near enough, and nDCG@10 is not lower by `MARGIN` or more."""
        return self.mean_cosine >= LEAST_COSINE and self.difference.low > -MARGIN

    def to_json(self) -> dict[str, Any]:
        """Write the result down as JSON values, with the verdict."""
        return {"passed": self.passed, **to_json(self)}

    def __str__(self) -> str:
        """Say it in words."""
        low, high, mean = self.difference.low, self.difference.high, self.difference.mean
        return (
            f"{self.encoder} {'passed' if self.passed else 'failed'} the quality gate on {self.documents:,} abstracts "
            f"and {self.queries:,} claims of SciFact\n"
            f"  mean cosine {decimal(self.mean_cosine, places=4)}, needed is at least {LEAST_COSINE}\n"
            f"  nDCG@10 {decimal(self.ndcg, places=4)}, reference {decimal(self.reference_ndcg, places=4)}: difference "
            f"{decimal(mean, places=4, signed=True)} {interval(low, high, places=4, signed=True)}, of which the lower "
            f"end must be above {decimal(-MARGIN)}"
        )


@dataclass(frozen=True, eq=False)
class GateData:
    """Judged queries and the documents that they are asked of.

    Attributes:
        documents: Text by id.
        queries: Text by id.
        qrels: Grade by document by query.
    """

    documents: Mapping[str, str]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]


def gate_int8(name: str, *, threads: int | None = None, progress: Progress = silent) -> GateResult:
    """Put a transformer's 8-bit weights to the test, and remember what came out, as `load_encoder` asks for.

    Args:
        name: As `load_encoder` takes it; what it says of vectors or an engine is left out.
        threads: Cores to use; all by default.
        progress: Called while the texts are encoded.

    Returns:
        The result, against ONNX Runtime in float32.

    Raises:
        InvalidInputError: If the encoder is a service's.
        EncoderError: If the encoder cannot be loaded.
        CapabilityError: If its weights cannot be rounded.
        StorageError: If what came out cannot be kept.
    """
    text, _, runtime = split_name(name)
    require_local(text)
    runtime = override(runtime, threads=threads, device="cpu")
    reference, rounded = (
        open_encoder(text, VectorOptions(), override(runtime, engine=engine))
        for engine in ("onnxruntime", "onnxruntime-int8")
    )
    result = run_gate(reference, rounded, progress=progress)
    remember_gate(result.fingerprint, result.to_json())
    return result


def gate_data() -> GateData:
    """Take the part of SciFact that the gate rests on: the judged claims of both splits, 1,109, and 1,000 abstracts.

    Every judged abstract is among them; the first of the others fill them up. All 5,183 would take five times as long.

    Returns:
        The data, the same each time.
    """
    splits = [load_dataset("scifact", split) for split in ("train", "test")]
    judged = frozenset.union(*(split.judgements.documents for split in splits))
    documents: dict[str, str] = {}
    others = _DOCUMENTS - len(judged)
    for record in splits[0].corpus:
        if record.id in judged:
            documents[record.id] = record.content
        elif others > 0:
            documents[record.id] = record.content
            others -= 1
    queries = {id_: text for split in splits for id_, text in split.judgements.queries.items()}
    qrels = {id_: grades for split in splits for id_, grades in split.judgements.qrels.items()}
    return GateData(documents, queries, qrels)


def run_gate(
    reference: Encoder, rounded: Encoder, *, data: GateData | None = None, seed: int = 0, progress: Progress = silent
) -> GateResult:
    """Measure whether a rounded encoder may stand in for its reference.

    Args:
        reference: The encoder in full precision.
        rounded: The same encoder, rounded.
        data: What to measure on; `gate_data()` by default, which takes an all-MiniLM-L6-v2 about 90 s on two cores.
        seed: Of the resampling.
        progress: Called while the texts are encoded.

    Returns:
        The result.

    Raises:
        InvalidInputError: If the encoders have not the same number of dimensions.
    """
    if reference.spec.dim != rounded.spec.dim:
        raise InvalidInputError(
            f"the encoders must have the same dimensions, got {reference.spec.dim} and {rounded.spec.dim}"
        )
    data = data or gate_data()
    texts, ids = list(data.documents.values()), np.array(list(data.documents))
    scores, documents = [], []
    for encoder in (reference, rounded):
        documents.append(encoder.encode_document(texts, progress=progress))
        queries = encoder.encode_query(list(data.queries.values()), progress=progress)
        best = nearest(queries, documents[-1], encoder.spec.metric, k=10)
        run = {id_: tuple(ids[row]) for id_, row in zip(data.queries, best, strict=True)}
        scores.append(evaluate_run(run, data.qrels, [_METRIC])[_METRIC])
    cosines = np.einsum("nd,nd->n", *map(normalise, documents), dtype=np.float64)
    return GateResult(
        encoder=rounded.spec.name,
        fingerprint=rounded.spec.fingerprint,
        mean_cosine=float(cosines.mean()),
        reference_ndcg=float(scores[0].mean()),
        ndcg=float(scores[1].mean()),
        difference=bootstrap_interval(scores[1] - scores[0], seed=seed),
        queries=len(data.queries),
        documents=len(texts),
    )


def nearest(queries: Vectors, documents: Vectors, metric: Metric, *, k: int) -> npt.NDArray[np.intp]:
    """Find the nearest documents of each query, by comparing it with all.

    Args:
        queries: `(n, d)` float32.
        documents: `(m, d)` float32.
        metric: How to compare them.
        k: How many to find.

    Returns:
        `(n, min(k, m))` positions of documents, nearest first; of equals the earlier.
    """
    if metric == "cosine":
        queries, documents = normalise(queries), normalise(documents)
    lengths = np.einsum("nd,nd->n", documents, documents) / 2 if metric == "l2" else 0
    # Half the square of a distance is the lengths' part of it minus the dot product; the query's own part is the same
    # for all documents.
    return np.argsort(lengths - queries @ documents.T, axis=1, kind="stable")[:, :k]
