"""Queries and which document is how relevant to them, checked against each other and against a corpus."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

from nearfield.data.corpus import Corpus
from nearfield.data.fields import Fields
from nearfield.data.qrels import Qrels, QrelsSource, parse_qrels
from nearfield.data.rows import Source, rows_of
from nearfield.errors import DataError


@dataclass(frozen=True)
class Judgements:
    """Judged queries and the grades of their documents; two are equal if these are.

    Attributes:
        queries: Text by query; the judged ones only.
        qrels: Grade by document by query, for the same queries in the same order.
        unjudged: Queries given that no judgement names; BEIR keeps those of all splits in one file.
        without_relevant: Judged queries that `answerable` left out because no document is relevant to them.
        unknown_queries: Judged queries that have no text, left out with `skip_bad`.
        unknown_documents: Judged documents that are not in the corpus, left out with `skip_bad`.
        source: The file the judgements come from, or what else.
        lines: Line of the source on which each document is first named; empty for a mapping.
    """

    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    unjudged: int = field(default=0, compare=False)
    without_relevant: int = field(default=0, compare=False)
    unknown_queries: int = field(default=0, compare=False)
    unknown_documents: int = field(default=0, compare=False)
    source: str = field(default="qrels", compare=False)
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def documents(self) -> frozenset[str]:
        """Ids of all judged documents."""
        return frozenset(document for grades in self.qrels.values() for document in grades)

    def check_documents(self, seen: Set[str], *, skip_bad: bool = False) -> "Judgements":
        """Check that each judged document is in the corpus.

        A corpus is a stream, so the caller collects the judged ids while it passes by:
        `seen = {record.id for record in corpus if record.id in judgements.documents}`.

        Args:
            seen: Ids in the corpus; those of documents not judged do not matter.
            skip_bad: Whether judgements of unknown documents are counted and left out, along with queries that have
                no other judgement; else the first one is an error.

        Returns:
            The judgements themselves, or a copy with the known documents only.

        Raises:
            DataError: If a document is unknown and not skipped, or no judged document is known.
        """
        unknown = self.documents - seen
        if not unknown:
            return self
        if not skip_bad or unknown == self.documents:
            first = min(unknown, key=lambda document: (self.lines.get(document, 0), document))
            raise DataError(
                f"document {first!r} is judged but not in the corpus ({len(unknown):,} of {len(self.documents):,} "
                "judged documents are not); give the corpus that was judged"
                + ("" if skip_bad else ", or leave them out with skip_bad"),
                source=self.source,
                line=self.lines.get(first),
            )
        kept = {
            query: {document: grade for document, grade in grades.items() if document not in unknown}
            for query, grades in self.qrels.items()
        }
        qrels = {query: grades for query, grades in kept.items() if grades}
        queries = {query: self.queries[query] for query in qrels}
        return replace(self, queries=queries, qrels=qrels, unknown_documents=self.unknown_documents + len(unknown))

    def answerable(self) -> "Judgements":
        """Leave out, and count, the queries to which no document is relevant.

        They score 0 whatever is retrieved, so they would count as proof that all retrievers are equal.

        Returns:
            The judgements of at least one query.

        Raises:
            DataError: If no query is left.
        """
        qrels = {query: grades for query, grades in self.qrels.items() if any(grade > 0 for grade in grades.values())}
        if not qrels:
            raise DataError("no query has a relevant document: no grade is above 0", source=self.source)
        queries = {query: self.queries[query] for query in qrels}
        return replace(self, queries=queries, qrels=qrels, without_relevant=len(self.qrels) - len(qrels))


def read_queries(source: Source, *, id_field: str | None = None, text_field: str | None = None) -> dict[str, str]:
    """Read queries.

    Args:
        source: What `read_corpus` reads; of a BEIR folder, its `queries.jsonl`. A mapping is `{id: text}`.
        id_field: Field of the id; by default `_id`, else `id`.
        text_field: Field of the text; by default `text`, else `query`.

    Returns:
        Text by id, in the order of the source.

    Raises:
        DataError: If the file or a query of it cannot be used.
    """
    fields = Fields(id_field, text_field, meta=(), text_names=("text", "query"), image_names=())
    queries: dict[str, str] = {}
    corpus = Corpus(rows_of(source, what="queries"), fields)
    for record in corpus:
        if not record.text.strip():
            raise DataError(f"text of query {record.id!r} is empty", source=corpus.source)
        queries[record.id] = record.text
    return queries


def read_qrels(source: QrelsSource) -> dict[str, dict[str, int]]:
    """Read relevance judgements.

    Args:
        source: A path to a table with the columns `query-id`, `corpus-id` and `score` (BEIR; tab or comma) or to a
            TREC file with four columns and no header, also `.gz`, `.xz` or `.zst`; a DataFrame with those columns; a
            mapping from query to document to grade.

    Returns:
        Grade by document by query; grades are whole numbers, and above 0 means relevant.

    Raises:
        DataError: If the file or a line of it cannot be used, or a pair has two grades.
    """
    return parse_qrels(source).grades


def read_judgements(queries: Source, qrels: QrelsSource, *, skip_bad: bool = False) -> Judgements:
    """Read queries and judgements that belong together.

    Queries that no judgement names are left out and counted in `unjudged`.

    Args:
        queries: What `read_queries` reads.
        qrels: What `read_qrels` reads.
        skip_bad: Whether judgements of queries without text are counted in `unknown_queries` and left out; else the
            first one is an error.

    Returns:
        The judgements of at least one query.

    Raises:
        DataError: If a file or a line of it cannot be used, a judged query has no text and is not skipped, or no
            judged query has a text.

    Examples:
        >>> read_judgements({"q1": "leaking tap", "q2": "flat tyre"}, {"q1": {"tap-repair": 1}}).unjudged
        1
    """
    texts = read_queries(queries)
    judged = parse_qrels(qrels)
    known = {query: grades for query, grades in judged.grades.items() if query in texts and grades}
    unknown = [query for query in judged.grades if query not in texts]
    if unknown and not (skip_bad and known):
        raise _unknown_query(unknown, judged, skip_bad=skip_bad)
    return Judgements(
        queries={query: texts[query] for query in known},
        qrels=known,
        unjudged=len(texts) - len(known),
        unknown_queries=len(unknown),
        source=judged.source,
        lines=judged.document_lines,
    )


def _unknown_query(unknown: list[str], judged: Qrels, *, skip_bad: bool) -> DataError:
    advice = "" if skip_bad else ", or leave them out with skip_bad"
    return DataError(
        f"query {unknown[0]!r} is judged but not among the queries ({len(unknown):,} of {len(judged.grades):,} "
        f"judged queries are not); give the queries that were judged{advice}",
        source=judged.source,
        line=judged.query_lines.get(unknown[0]),
    )
