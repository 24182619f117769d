"""Time what a benchmark compares, and write down what was measured on which machine."""

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
_PACKAGES = ("nearfield", "numpy", "onnxruntime", "tokenizers")


@dataclass(frozen=True)
class Timing:
    """Seconds that runs of one thing took, warm-up runs left out.

    Attributes:
        median: Median of the runs.
        low: Fastest run.
        high: Slowest run.
        runs: Every run, in order.
    """

    median: float
    low: float
    high: float
    runs: tuple[float, ...]


def measure(fn: Callable[[], object], *, repeats: int = 5, warmup: int = 1) -> Timing:
    """Time one function."""
    return measure_alternately({"it": fn}, repeats=repeats, warmup=warmup)["it"]


def measure_alternately(
    fns: Mapping[str, Callable[[], object]], *, repeats: int = 5, warmup: int = 1
) -> dict[str, Timing]:
    """Time functions that are compared, in turns, so that what else the machine does meets all of them.

    Args:
        fns: What to time, by name.
        repeats: Timed runs of each.
        warmup: Runs of each before them.

    Returns:
        The timing of each, by name.
    """
    runs: dict[str, list[float]] = {name: [] for name in fns}
    for number in range(-warmup, repeats):
        for name, fn in fns.items():
            start = time.perf_counter()
            fn()
            if number >= 0:
                runs[name].append(time.perf_counter() - start)
    return {name: Timing(statistics.median(took), min(took), max(took), tuple(took)) for name, took in runs.items()}


def machine(*packages: str) -> dict[str, Any]:
    """Say where and with what was measured: CPU, cores, load, system, versions (of `packages` too) and commit."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        # Well above the number of cores, other work took part of the machine from what was timed.
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in (*_PACKAGES, *packages)},
        "commit": _commit(),
    }


def write(name: str, payload: Mapping[str, Any]) -> Path:
    """Write `results/<name>.json`, and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
    return path


def shared_data(name: str) -> Path:
    """Find a shared data file, or stop with a message that says where it should lie."""
    path = SHARED_DATA / name
    if not path.exists():
        raise SystemExit(f"{path} is missing: this benchmark reads the shared data beside the repository")
    return path


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else "not committed yet"
