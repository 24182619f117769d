"""The command line in this process, a small corpus, and the bundled notes compared and indexed once."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from bundled_howto import CANDIDATES, CORPUS, JUDGED
from click.testing import CliRunner, Result

from nearfield.cli import main

Cli = Callable[..., Result]


def run_command(*arguments: object, code: int = 0) -> Result:
    """Run a command; an exception that is no exit fails the test, as it would be a traceback."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="nearfield")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="session")
def cli() -> Cli:
    return run_command


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run a command as a process of its own, with more environment variables if need be."""

    def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[bytes]:
        command = [str(Path(sys.executable).with_name("nearfield")), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, check=False, env=os.environ | variables, timeout=120)

    return run


@dataclass(frozen=True)
class Compared:
    """What `nearfield compare` left behind."""

    report: Path
    page: Path
    result: Result


@pytest.fixture(scope="session")
def compared(tmp_path_factory, cli) -> Compared:
    folder = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFIELD_CACHE", str(folder / "cache"))
        report, page = folder / "report.json", folder / "report.html"
        options = [option for name in CANDIDATES for option in ("-e", name)]
        result = cli("compare", CORPUS, *JUDGED, *options, "--save", report, "--report", page)
    return Compared(report, page, result)


@pytest.fixture(scope="session")
def collections(tmp_path_factory, compared, cli) -> dict[str, Path]:
    """The bundled notes as collections, by retriever, built from the report."""
    folder = tmp_path_factory.mktemp("collections")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARFIELD_CACHE", str(folder / "cache"))
        for name in CANDIDATES:
            cli("index", CORPUS, "--to", folder / name, "--from", compared.report, "--candidate", name)
    return {name: folder / name for name in CANDIDATES}


@pytest.fixture
def notes(tmp_path) -> Path:
    """A corpus of three notes."""
    path = tmp_path / "notes.jsonl"
    path.write_text(
        '{"_id": "tap", "text": "Replace the worn washer.", "year": 2021, "tags": ["home"]}\n'
        '{"_id": "tyre", "text": "Patch the inner tube.", "year": 2019}\n'
        '{"_id": "寿司", "text": "Rinse the rice — then rest it.", "title": "Sushi", "year": 2023}\n',
        encoding="utf-8",
    )
    return path
