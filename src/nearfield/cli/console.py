"""What the commands share: errors become exit codes, progress goes to standard error, `--json` to standard output."""

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from nearfield.errors import CollectionBusyError, NearfieldError
from nearfield.progress import NOTE, Progress

if TYPE_CHECKING:  # the command line starts without numpy
    from nearfield.encoders.cache import VectorCache

EXIT_FAILED = 1
EXIT_BUSY = 75  # EX_TEMPFAIL of sysexits.h: the same command may succeed later
EXIT_INTERRUPTED = 130
_PLAIN_INTERVAL = 10.0  # seconds between two lines of progress where there is no terminal


class ErrorHandlingGroup(click.Group):
    """A group whose commands end with a message and an exit code, never with a traceback, for errors on purpose."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # click's own signature
        """Run the command."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # such as Windows' cp1252, which lacks most of Unicode
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(ctx)
        except NearfieldError as error:
            # Of an OSError the words only, without "[Errno 28]".
            told = [str(getattr(error, "strerror", None) or error), *getattr(error, "__notes__", ())]
            click.echo(f"error: {'; '.join(told)}", err=True)
            ctx.exit(EXIT_BUSY if isinstance(error, CollectionBusyError) else EXIT_FAILED)
        except BrokenPipeError:
            # Whoever read the output has gone, which is no fault; Python would complain again when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(EXIT_FAILED)
        except MemoryError as error:
            click.echo(f"error: not enough memory{f' ({error})' if str(error) else ''}; ask for less at once", err=True)
            ctx.exit(EXIT_FAILED)
        except OSError as error:
            click.echo(f"error: {error.strerror or error}", err=True)
            ctx.exit(EXIT_FAILED)
        except KeyboardInterrupt:
            click.echo(
                "interrupted; indexing and training go on where they stopped when the same command runs again", err=True
            )
            ctx.exit(EXIT_INTERRUPTED)


class CollectionAddress(click.Path):
    """Where a collection is: its folder, or the URL of a database with its name."""

    name = "address"

    def __init__(self) -> None:
        super().__init__(file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401  # click's own signature
        """Check a path; a URL is read by whoever connects to it."""
        text = os.fsdecode(value)
        return text if "://" in text else os.fsdecode(super().convert(value, param, ctx))


class OutputPath(click.Path):
    """A file to write, refused before any work is done if it could not be written after it.

    Args:
        *endings: What its name may end in; anything by default.
    """

    def __init__(self, *endings: str) -> None:
        super().__init__(dir_okay=False, writable=True)
        self.endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401  # click's own signature
        """Check the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if self.endings and path.suffix.lower() not in self.endings:
            self.fail(f"the file must end in {' or '.join(self.endings)}, got {os.fspath(path)!r}.", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"there is no folder {os.fspath(path.parent)!r}; make it first.", param, ctx)
        if not os.access(path.parent, os.W_OK):
            self.fail(f"the folder {os.fspath(path.parent)!r} cannot be written to; choose another.", param, ctx)
        return os.fspath(path)


class SpacePath(click.Path):
    """A .space folder to write, refused before any work is done if it could not be written after it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401  # click's own signature
        """Check the path."""
        from nearfield.errors import StorageError
        from nearfield.space.folder import require_place

        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        try:
            require_place(path)
        except StorageError as error:
            self.fail(f"{error}.", param, ctx)
        return os.fspath(path)


def require_different(outputs: dict[str, str | None], inputs: dict[str, str | None]) -> None:
    """Refuse to write over what is read, or over another output.

    Args:
        outputs: Paths to write, by the name of their option.
        inputs: Paths to read, by name.

    Raises:
        click.UsageError: If two are the same file.
    """
    seen = {Path(path).resolve(): name for name, path in inputs.items() if path}
    for name, path in outputs.items():
        if path and (other := seen.setdefault(Path(path).resolve(), name)) != name:
            raise click.UsageError(f"{name} and {other} are the same file, {path}; choose another")


def print_json(values: Any) -> None:  # noqa: ANN401  # any JSON value, or a dataclass of them
    """Print one JSON document to standard output."""
    from nearfield.report.frozen import to_json

    click.echo(json_text(to_json(values), indent=2))


class Report(Protocol):
    """What `show_report` shows: a result that prints as text, as JSON and as a page."""

    def to_json(self) -> Any:  # noqa: ANN401  # any JSON value
        """Write it down as JSON values."""
        ...

    def export(self, path: str, /) -> None:
        """Write its page."""
        ...


def show_report(report: Report, *, page: str | None, as_json: bool) -> None:
    """Print a report, and write its page if one is wanted.

    Args:
        report: The report.
        page: Where its page goes; None for nowhere.
        as_json: Whether to print JSON rather than text.
    """
    if page:
        report.export(page)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(str(report))
    if page:
        click.echo(f"wrote {page}", err=True)


def json_text(values: Any, *, indent: int | None = None) -> str:  # noqa: ANN401  # any JSON value
    """Write JSON that standard output can carry whatever its encoding."""
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    return json.dumps(values, ensure_ascii=not unicode, indent=indent, allow_nan=False)


@contextlib.contextmanager
def vector_cache(*, use: bool = True) -> "Iterator[VectorCache | None]":
    """Open the user's vector cache, if it is to be used.

    Args:
        use: Whether it is.

    Yields:
        The cache, or None.
    """
    if not use:
        yield None
        return
    from nearfield.encoders.cache import VectorCache

    with contextlib.closing(VectorCache()) as cache:
        yield cache


@contextlib.contextmanager
def progress_bars() -> Iterator[Progress]:
    """Show progress on standard error: bars with rate and time left on a terminal, else a line now and then.

    Yields:
        What to pass as `progress`.
    """
    if not sys.stderr.isatty():
        yield _PlainProgress()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="progress.data.speed")

    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int | None) -> None:
            work = what.partition(NOTE)[0]
            if work not in tasks:
                tasks[work] = bars.add_task(what, total=total)
            bars.update(tasks[work], description=what, completed=done, total=total)

        yield show


class _PlainProgress:
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._told = time.monotonic()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        began = self._began.setdefault(what.partition(NOTE)[0], now)
        if now - self._told >= _PLAIN_INTERVAL and now > began:
            rate = done / (now - began)
            left = f" of {total:,}, {(total - done) / rate:,.0f} s left" if total and rate else ""
            click.echo(f"{what}: {done:,}{left} ({rate:,.0f}/s)", err=True)
            self._told = now


encoder_option = click.option(
    "--encoder", metavar="NAME", help="Where the collection's encoder is now, if its folder has moved."
)


def field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how records are read from a file."""
    options = (
        click.option("--id-field", metavar="NAME", help="Field of the id.  [default: _id or id]"),
        click.option("--text-field", metavar="NAME", help="Field of the text.  [default: text]"),
        click.option("--title-field", metavar="NAME", help="Field of the title.  [default: title, if any]"),
        click.option("--skip-bad", is_flag=True, help="Leave bad records out and count them, instead of stopping."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def judgement_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name judged queries."""
    path = click.Path(exists=True, dir_okay=False)
    for option in (
        click.option("--qrels", required=True, type=path, help="Judgements: BEIR .tsv or TREC qrels."),
        click.option("--queries", required=True, type=path, help="Queries: .jsonl, .csv or .tsv with id and text."),
    ):
        command = option(command)
    return command


def report_skipped(skipped: int, problems: tuple[str, ...]) -> None:
    """Say on standard error what `--skip-bad` left out."""
    if skipped:
        click.echo(f"skipped {skipped:,} bad records; the first:", err=True)
        for problem in problems:
            click.echo(f"  {problem}", err=True)
