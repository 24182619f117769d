"""Does an encoder give the same vectors on every runtime here, how fast, in how much memory, and which is chosen?"""

import importlib.util
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.api_services import find_service
from nearfield.encoders.engines import ENGINES, Choice, choose_engine, missing_for
from nearfield.encoders.find import find_folder, published_name
from nearfield.encoders.folder import read_folder
from nearfield.encoders.load import open_encoder
from nearfield.encoders.options import DEFAULT_RUNTIME, Engine, Runtime, VectorOptions, split_name
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.errors import EncoderError, InvalidInputError
from nearfield.evaluation.doctor_worker import SENTENCE_TRANSFORMERS
from nearfield.progress import Progress, silent
from nearfield.report.frozen import to_json
from nearfield.report.numbers import ABSENT, size
from nearfield.report.table import Column, text_table

REFERENCE = "onnxruntime"
_ONLY: Engine = "auto"  # what an encoder without engines runs on
_RUNTIMES = (*ENGINES, SENTENCE_TRANSFORMERS)


@dataclass(frozen=True)
class RuntimeReport:
    """What one runtime did; its numbers are None where it did not run.

    Attributes:
        runtime: Its name.
        problem: What is missing or went wrong, and what to do; empty if it ran.
        mean_difference: Mean over the texts of 1 - cosine between its vector and the reference's.
        largest_difference: The largest of the same.
        sentences_per_second: On texts of about 40 tokens.
        long_texts_per_second: On texts of about 240 tokens.
        peak_bytes: The most memory its process held; None where the system does not tell.
    """

    runtime: str
    problem: str = ""
    mean_difference: float | None = None
    largest_difference: float | None = None
    sentences_per_second: float | None = None
    long_texts_per_second: float | None = None
    peak_bytes: float | None = None


@dataclass(frozen=True)
class DoctorReport:
    """What every runtime did with one encoder.

    Attributes:
        encoder: Its name.
        reference: The runtime that the others are compared with.
        chosen: The engine that is chosen when none is asked for; `auto` if the encoder has one runtime only.
        why: Why that one.
        runtimes: One for each, the reference first; the only one of an encoder without engines.
    """

    encoder: str
    reference: str
    chosen: str
    why: str
    runtimes: tuple[RuntimeReport, ...]

    def to_json(self) -> dict[str, Any]:
        """Write the report down as JSON values."""
        return dict(to_json(self))

    def __str__(self) -> str:
        """Render a table for the terminal."""
        columns = [
            Column("runtime"),
            Column("mean 1 − cosine", "right"),
            Column("largest", "right"),
            Column("sentences/s", "right"),
            Column("long texts/s", "right"),
            Column("peak memory", "right"),
        ]
        rows = [_row(runtime) for runtime in self.runtimes if not runtime.problem]
        problems = [f"{runtime.runtime}: {runtime.problem}" for runtime in self.runtimes if runtime.problem]
        if self.chosen == _ONLY:
            return "\n".join([f"{self.encoder}: {self.why}", "", text_table(columns, rows)])
        head = f"{self.encoder}: differences are from {self.reference}; each runtime in a process of its own"
        chosen = f"chosen when no engine is asked for: {self.chosen} ({self.why})"
        return "\n".join([head, "", text_table(columns, rows), "", *problems, chosen])


def diagnose(encoder: str, *, threads: int | None = None, progress: Progress = silent) -> DoctorReport:
    """Encode a fixed set of texts on every runtime that is here.

    Args:
        encoder: As `load_encoder` takes it; what it says of vectors or an engine is left out.
        threads: Cores to use; all by default.
        progress: Called after each runtime.

    Returns:
        The report.

    Raises:
        InvalidInputError: If the encoder is a service's, or takes no texts.
        EncoderError: If the encoder cannot be loaded, or the reference cannot encode, with its reason.
    """
    choice = _choose(encoder, threads)
    runtimes = (_ONLY,) if choice.engine == _ONLY else _RUNTIMES
    reports: list[RuntimeReport] = []
    reference: Vectors | None = None
    with tempfile.TemporaryDirectory(prefix="nearfield-doctor-") as folder:
        for position, runtime in enumerate(runtimes):
            file = Path(folder) / f"{position}.npz"
            problem = _missing(runtime) or _measure(encoder, runtime, threads, file)
            if reference is None:
                if problem:
                    raise EncoderError(f"{encoder} cannot be encoded with {runtime}: {problem}")
                reference = _read(file)["vectors"]
            reports.append(RuntimeReport(runtime, problem) if problem else _report(runtime, file, reference))
            progress("measuring", position + 1, len(runtimes))
    return DoctorReport(encoder, runtimes[0], choice.engine, choice.why, tuple(reports))


def require_local(name: str) -> None:
    """Refuse an encoder of a service, where there is no runtime to choose.

    Args:
        name: Its name without options.

    Raises:
        InvalidInputError: If it is one.
        EncoderError: If the catalogue knows that it does not run.
    """
    if not Path(name).is_dir() and find_service(published_name(name)) is not None:
        raise InvalidInputError(
            f"{name} runs at a service, and doctor is for encoders that run here; give a model folder or a name such "
            "as all-MiniLM-L6-v2"
        )


def _choose(encoder: str, threads: int | None) -> Choice:
    """Say which engine is chosen where there are several; the loaded encoder tells whether there are."""
    name, _, _ = split_name(encoder)
    require_local(name)
    loaded = open_encoder(name, VectorOptions(), Runtime(device="cpu", threads=threads))
    if loaded.spec.modality == "image":
        raise InvalidInputError(f"{name} encodes images only, and doctor encodes texts; it has one runtime anyway")
    if isinstance(loaded, TransformerEncoder):
        return choose_engine(DEFAULT_RUNTIME, read_folder(find_folder(name)).family)
    return Choice(_ONLY, "cpu", "encoders of its kind have one runtime, and no engines to choose from")


def _missing(runtime: str) -> str:
    if runtime == _ONLY:
        return ""
    if runtime == SENTENCE_TRANSFORMERS:
        found = importlib.util.find_spec("sentence_transformers")
        return "" if found else "it is not installed: pip install 'nearfield[torch]'"
    return missing_for(next(engine for engine in ENGINES if engine == runtime))


def _measure(encoder: str, runtime: str, threads: int | None, file: Path) -> str:
    """Let a process of its own write the file; returns what went wrong, if anything."""
    worker = [sys.executable, "-m", "nearfield.evaluation.doctor_worker"]
    done = subprocess.run([*worker, encoder, runtime, str(threads or 0), str(file)], capture_output=True, check=False)
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"its process ended with code {done.returncode}"


def _read(file: Path) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def _report(runtime: str, file: Path, reference: Vectors) -> RuntimeReport:
    found = _read(file)
    if found["vectors"].shape != reference.shape:
        return RuntimeReport(runtime, f"gave vectors of shape {found['vectors'].shape}, not {reference.shape}")
    differences = 1 - np.einsum("nd,nd->n", normalise(found["vectors"]), normalise(reference), dtype=np.float64)
    sentences, long_texts = found["rates"].tolist()
    peak = float(found["peak"])
    return RuntimeReport(
        runtime,
        mean_difference=float(differences.mean()),
        largest_difference=float(differences.max()),
        sentences_per_second=sentences,
        long_texts_per_second=long_texts,
        peak_bytes=None if math.isnan(peak) else peak,
    )


def _row(report: RuntimeReport) -> list[str]:
    def cells() -> Iterator[str]:
        yield report.runtime
        for difference in (report.mean_difference, report.largest_difference):
            yield ABSENT if difference is None else f"{max(difference, 0):.1e}"
        for rate in (report.sentences_per_second, report.long_texts_per_second):
            yield ABSENT if rate is None else f"{rate:,.1f}"
        yield ABSENT if report.peak_bytes is None else size(report.peak_bytes)

    return list(cells())
