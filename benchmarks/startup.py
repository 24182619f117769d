"""What starting costs: the command line's help, importing the package, installing the core.

    python benchmarks/startup.py

Each pair runs in turn, in fresh processes. Installs the core into a temporary environment. Writes results/startup.json.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import machine, write

REPEATS = 21
ROOT = Path(__file__).parents[1]


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def pair(ours: list[str], peer: list[str]) -> dict[str, list[float]]:
    runs: dict[str, list[float]] = {"ours": [], "peer": []}
    for repeat in range(REPEATS + 1):
        for name, command in (("ours", ours), ("peer", peer)):
            taken = seconds(command)
            if repeat:  # the first fills the page cache
                runs[name].append(taken)
    return runs


def summary(runs: dict[str, list[float]]) -> dict[str, float]:
    ours, peer = statistics.median(runs["ours"]), statistics.median(runs["peer"])
    return {
        "ours_s": ours,
        "peer_s": peer,
        "ratio": ours / peer,
        "difference_s": ours - peer,
        "ours_low_s": min(runs["ours"]),
        "ours_high_s": max(runs["ours"]),
        "peer_low_s": min(runs["peer"]),
        "peer_high_s": max(runs["peer"]),
    }


def installed_megabytes() -> float:
    """Allocated size of what `pip install nearfield` adds to an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        site = next(Path(folder).glob("lib/python*/site-packages"))
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site), str(ROOT)], check=True
        )
        return sum(path.lstat().st_blocks * 512 for path in site.rglob("*")) / 1e6


def main() -> None:
    python = sys.executable
    results = {
        "machine": machine(),
        "help_vs_numpy": summary(
            pair([str(Path(python).parent / "nearfield"), "--help"], [python, "-c", "import numpy"])
        ),
        "import_vs_json": summary(pair([python, "-c", "import nearfield"], [python, "-c", "import json"])),
        "core_install_mb": installed_megabytes(),
    }
    print(results)
    write("startup", results)


if __name__ == "__main__":
    main()
