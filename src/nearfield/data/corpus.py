"""A corpus: a stream of records that may be read again and again, and is never held in memory as a whole."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import takewhile

from nearfield.data.fields import Fields, Layout, check_record
from nearfield.data.records import Record
from nearfield.data.rows import Content, Rows, Source, rows_of
from nearfield.errors import DataError, InvalidInputError

SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Skipped:
    """What a pass over a corpus left out.

    Attributes:
        count: Bad records that were left out.
        problems: The first few, each with its place.
    """

    count: int = 0
    problems: tuple[str, ...] = ()

    def plus(self, error: DataError) -> "Skipped":
        """Count one more, and keep its message if it is among the first few."""
        shown = (*self.problems, str(error)) if self.count < SHOWN_PROBLEMS else self.problems
        return Skipped(self.count + 1, shown)


class Corpus:
    """A stream of valid records with unique ids, read anew each time it is iterated over.

    Memory stays flat but for 8 bytes of hash kept for each id (about 70 bytes in Python's set), by which
    duplicates are found.

    Args:
        rows: Where the records come from.
        fields: Which fields they are read from.
        skip_bad: Whether bad records are counted and left out; else the first one ends the pass with an error.
    """

    def __init__(self, rows: Rows, fields: Fields, *, skip_bad: bool = False) -> None:
        self._rows = rows
        self._fields = fields
        self._skip_bad = skip_bad
        self._skipped = Skipped()

    @property
    def source(self) -> str:
        """The file, or what else the records come from."""
        return self._rows.name

    @property
    def skipped(self) -> Skipped:
        """What the latest pass has left out so far; nothing unless `skip_bad`."""
        return self._skipped

    def skipping(self, skip_bad: bool) -> "Corpus":
        """The same stream with the given `skip_bad`."""
        return self if skip_bad == self._skip_bad else Corpus(self._rows, self._fields, skip_bad=skip_bad)

    def __repr__(self) -> str:
        """Name the source."""
        return f"Corpus({self.source!r})"

    def __iter__(self) -> Iterator[Record]:
        """Read the records from the start.

        Yields:
            Each record, in the order of the source.

        Raises:
            DataError: If a record is bad and bad ones are not skipped, a field asked for is in no record, or no
                record is left.
        """
        self._skipped = Skipped()
        parser = _Parser(self._fields, self._rows)
        seen: set[int] = set()
        for line, row in self._rows.open():
            try:
                record = self._seen(parser.record(row))
                key = hash(record.id)
                if key in seen:
                    self._refuse_duplicate(record.id, line)
                seen.add(key)
            except DataError as error:
                placed = DataError(error.problem, source=self.source, line=line)
                if not self._skip_bad or parser.hopeless:
                    raise placed from error
                self._skipped = self._skipped.plus(placed)
            else:
                yield record
        self._check_end(seen, parser)

    def _seen(self, record: Record) -> Record:
        """Look at a record's image; where bad records are left out it is decoded, or it would fail too late."""
        if record.image is None:
            return record
        try:
            if self._skip_bad:
                record.image.open()
            else:
                record.image.check()
        except DataError as error:
            raise DataError(f"image of {record.id!r:.80}: {error}") from error
        return record

    def _check_end(self, seen: set[int], parser: "_Parser") -> None:
        if not seen:
            problem = "holds no records"
            if self._skipped.count:
                problem = f"all {self._skipped.count:,} records are bad; the first: {self._skipped.problems[0]}"
            raise DataError(problem, source=self.source)
        if parser.unseen:
            raise DataError(f"no record has a field {sorted(parser.unseen)[0]!r}", source=self.source)

    def _refuse_duplicate(self, id_: str, line: int) -> None:
        """Refuse an id whose hash was seen; where the error ends the pass, read again to tell the first place."""
        if self._skip_bad or not self._rows.repeatable:
            raise DataError(f"duplicate id {id_!r}; ids must be unique")
        parser = _Parser(self._fields, self._rows)
        # Where no earlier record has the id, two ids share a hash and all is well.
        for earlier, row in takewhile(lambda entry: entry[0] < line, self._rows.open()):
            if parser.record(row).id == id_:
                raise DataError(f"duplicate id {id_!r}, first used at line {earlier}; ids must be unique")


def read_corpus(
    source: "Source | Corpus",
    *,
    id_field: str | None = None,
    text_field: str | None = None,
    title_field: str | None = None,
    image_field: str | None = None,
    meta_fields: Sequence[str] | None = None,
    skip_bad: bool = False,
) -> Corpus:
    """Read records from a file, a BEIR folder, a folder of images, a DataFrame or any iterable.

    Nothing is read yet but whether the file is there: the corpus is read each time it is iterated over.

    Args:
        source: A path to `.jsonl`, `.ndjson`, `.csv`, `.tsv` or `.txt` (a record a line, named by its number; each
            also `.gz`, `.xz` or `.zst`), to a BEIR folder, or to a folder of PNG, JPEG and WebP files, whose paths in
            it become the ids; a DataFrame (a named index counts as a column); a mapping from id to text or fields; an
            iterable of `Record`, of mappings with fields, or of `(id, text)` pairs; a callable that returns such an
            iterable. An iterator can be read once only. A corpus is given back, with the `skip_bad` asked for if that
            is true.
        id_field: Field of the id, a string or a whole number; by default `_id`, else `id`.
        text_field: Field of the text; by default `text`.
        title_field: Field of the title; by default `title`, which records may lack.
        image_field: Field of the image: the path of a PNG, JPEG or WebP file, relative to the file that names it, or
            the content of one. By default `image` where there is no field `text`; beside a text, `image` is metadata
            like any other field unless it is named here.
        meta_fields: Fields to keep as metadata; by default all others. Values must be JSON values; dates become
            ISO 8601, NaN, NA and NaT are left out. Cells of a CSV or TSV file stay strings.
        skip_bad: Whether bad records are counted in `Corpus.skipped` and left out; else the first is an error. Images
            are then decoded when they are read, to find the damaged ones; else only their headers are looked at.

    Returns:
        The corpus. Each pass over it checks each record and that no id comes twice.

    Raises:
        DataError: If the file is missing or of an unknown kind.
        InvalidInputError: If records cannot be read from such a source.

    Examples:
        >>> corpus = read_corpus([{"id": 7, "text": "Bleed the radiator.", "year": 2024}])
        >>> list(corpus)
        [Record(id='7', text='Bleed the radiator.', title='', meta={'year': 2024}, image=None)]
    """
    if isinstance(meta_fields, str):
        raise InvalidInputError(f"meta_fields must be a list of names, got one string; write [{meta_fields!r}]")
    meta = None if meta_fields is None else tuple(meta_fields)
    fields = Fields(id_field, text_field, title_field, meta, image=image_field)
    if isinstance(source, Corpus):
        if fields != Fields():
            raise InvalidInputError("the corpus knows its fields already; name them where it is first read")
        return source.skipping(True) if skip_bad else source
    return Corpus(rows_of(source, what="corpus"), fields, skip_bad=skip_bad)


class _Parser:
    """Makes records of rows; settles which fields to read at the first row that has them.

    Args:
        fields: The fields asked for.
        rows: The stream the rows come from.
    """

    def __init__(self, fields: Fields, rows: Rows) -> None:
        self._fields = fields
        self._uniform = rows.uniform
        self._folder = rows.folder
        self._layout: Layout | None = None
        self.unseen = fields.named()
        self.hopeless = False  # True once it is clear that no row can be read, so that skipping is no use

    def record(self, row: Content) -> Record:
        """Make a record of a row, or raise a `DataError` (without a place) that says why not."""
        if isinstance(row, DataError):
            raise row
        if isinstance(row, Record):
            return check_record(row)
        self.unseen -= row.keys()
        if self._layout is None:
            self._layout = self._settle(row.keys())
        return self._layout.record(row)

    def _settle(self, found: Set[str]) -> Layout:
        # What the first row of a table lacks, all lack; elsewhere the next one may have it.
        self.hopeless = self._uniform
        layout = self._fields.layout(found, self._folder)
        if self._uniform and self.unseen:
            raise DataError(f"no field {sorted(self.unseen)[0]!r}; fields found: {', '.join(map(repr, found))}")
        self.hopeless = False
        return layout
