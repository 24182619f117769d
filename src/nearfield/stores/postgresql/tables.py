"""The tables of one store: their names, how they are made, and their indexes.

Points are in the table `<collection>.<generation>`, such as `faq.1`. A collection's name has no dot, so no two stores
share a table, and none is called like the registry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from nearfield.errors import CollectionError, InvalidInputError, StorageError
from nearfield.stores.postgresql.config import PostgresConfig
from nearfield.stores.postgresql.server import Session

Index: TypeAlias = Literal["hnsw", "fields", "text"]
"""Of the vectors, of the metadata for filters, and of the words."""

MAX_INLINE_DIM = 1536
"""Vectors up to here fit beside the rest of a point on a page of 8 kB, where reading them is quickest."""

_WRITING = 0x6E656172 << 32
"""With a table's number, the number of the lock that its writers share."""

_USUAL_ROW = 2_040
"""Bytes from which PostgreSQL compresses a row's texts, and moves them out, unless told otherwise."""
_MOST_ON_PAGE = 8_160

_SEARCHED_CHARACTERS = 100_000
_OPERATORS = {"cosine": "<#>", "dot": "<#>", "l2": "<->"}
_OPERATOR_CLASSES = {"cosine": "ip_ops", "dot": "ip_ops", "l2": "l2_ops"}


@dataclass(frozen=True)
class Tables:
    """Names, quoted for SQL, of what one store is made of, and expressions over its columns.

    Attributes:
        points: The table of points.
        postings: The table of the sparse legs' weights.
        numbers: The sequence that numbers the points of a store with sparse legs.
        vector_index: The HNSW index.
        index_names: The names of the indexes without their schema, which is that of the table they are made on.
        config: What the store holds.
    """

    points: str
    postings: str
    numbers: str
    vector_index: str
    index_names: Mapping[Index, str]
    config: PostgresConfig

    @classmethod
    def named(cls, schema: str, collection: str, generation: int, config: PostgresConfig) -> "Tables":
        """Name the tables of a store.

        Args:
            schema: The schema they are in.
            collection: A checked name: with what is added to it, within the 63 bytes that PostgreSQL keeps of a name.
            generation: Which of the collection's stores.
            config: What it holds.

        Returns:
            The tables.
        """
        table = f"{collection}.{generation}"
        names: dict[Index, str] = {index: quoted(f"{table}.{index}") for index in get_args(Index)}
        return cls(
            points=quoted(schema, table),
            postings=quoted(schema, f"{table}.terms"),
            numbers=quoted(schema, f"{table}.ids"),
            vector_index=quoted(schema, f"{table}.hnsw"),
            index_names=names,
            config=config,
        )

    @property
    def operator(self) -> str:
        """The operator that measures the distance; vectors under cosine are stored with length 1."""
        return _OPERATORS[self.config.metric]

    @property
    def text(self) -> str:
        """The text that `query_text` searches; what is beyond its beginning would not fit into an index."""
        return f"left(title || ' ' || body, {_SEARCHED_CHARACTERS})"

    @property
    def language(self) -> str:
        """The text search configuration, as a constant."""
        return f"'{self.config.language}'::regconfig"

    def create(self, session: Session) -> None:
        """Make the empty tables, in the transaction that is open.

        Args:
            session: The transaction's.

        Raises:
            CollectionError: If a table of that name is there, which no registry knows.
            InvalidInputError: If there is no such text search configuration.
        """
        import psycopg

        try:
            for statement in self._definitions():
                session.run(statement)
        except (psycopg.errors.DuplicateTable, psycopg.errors.UniqueViolation):
            raise CollectionError(
                f"there is a table {self.points} that is not nearfield's; choose another name or ?schema="
            ) from None
        except psycopg.errors.UndefinedObject as error:
            if "text search configuration" not in str(error):
                raise
            raise InvalidInputError(
                f"the server has no text search configuration {self.config.language!r}; \\dF in psql lists them"
            ) from None

    def _definitions(self) -> list[str]:
        config = self.config
        columns = ['id text COLLATE "C" PRIMARY KEY']
        columns += [] if config.dim is None else [f"vector vector({config.dim}) NOT NULL", "norm double precision"]
        columns += ["number bigint NOT NULL UNIQUE"] if config.sparse else []
        columns += [f"{name} text NOT NULL" for name in ("title", "body", "digest", "image")]
        columns += ["meta json NOT NULL", "fields jsonb NOT NULL"]
        columns += [self._words()] if config.text else []
        statements = [f"CREATE TABLE {self.points} ({', '.join(columns)})", f"SELECT {self.language}"]
        if config.dim is not None and config.dim <= MAX_INLINE_DIM:
            target = min(_MOST_ON_PAGE, _USUAL_ROW + 4 * config.dim)
            statements += [
                f"ALTER TABLE {self.points} ALTER vector SET STORAGE PLAIN",
                f"ALTER TABLE {self.points} SET (toast_tuple_target = {target})",
            ]
        if config.sparse:
            statements += [
                f"CREATE SEQUENCE {self.numbers} OWNED BY {self.points}.number",
                f"CREATE TABLE {self.postings} (leg smallint, term bigint, point bigint, weight real NOT NULL, "
                "PRIMARY KEY (leg, term, point) INCLUDE (weight))",
                f"CREATE INDEX ON {self.postings} (point)",
            ]
        return statements

    def _words(self) -> str:
        return f"words tsvector GENERATED ALWAYS AS (to_tsvector({self.language}, {self.text})) STORED"

    def drop(self, session: Session) -> None:
        """Remove the tables, in the transaction that is open; harmless when they are gone."""
        session.run(f"DROP TABLE IF EXISTS {self.postings}, {self.points}")

    def lock(self, session: Session, *, alone: bool) -> None:
        """Join the writers of the store, in the transaction that is open; readers do not mind.

        Args:
            session: The transaction's.
            alone: Whether to wait until there is no other writer, and to keep others waiting.
        """
        how = "" if alone else "_shared"
        session.run(f"SELECT pg_advisory_xact_lock{how}({_WRITING} + '{self.points}'::regclass::oid::bigint)")

    def index_expression(self, vector: str) -> str:
        """Write what the HNSW index is built over.

        Args:
            vector: SQL for a vector: the column, or what it is compared with.

        Returns:
            SQL for it, quantised.
        """
        match self.config.quantisation:
            case "float16":
                return f"({vector}::halfvec({self.config.dim}))"
            case "binary":
                return f"(binary_quantize({vector})::bit({self.config.dim}))"
            case _:
                return vector

    @property
    def index_operator(self) -> str:
        """The operator whose order the HNSW index knows."""
        return "<~>" if self.config.quantisation == "binary" else self.operator

    @property
    def _operator_class(self) -> str:
        match self.config.quantisation:
            case "float16":
                return f"halfvec_{_OPERATOR_CLASSES[self.config.metric]}"
            case "binary":
                return "bit_hamming_ops"
            case _:
                return f"vector_{_OPERATOR_CLASSES[self.config.metric]}"

    @property
    def index_description(self) -> str:
        """What the HNSW index is built with; kept as its comment, to tell whether it is still the one wanted."""
        config = self.config
        return f"quantisation={config.quantisation} m={config.m} ef_construct={config.ef_construct}"

    def build_vector_index(self, session: Session) -> None:
        """Build the HNSW index, in place of another one if there is one; all or nothing.

        Args:
            session: Outside a transaction.
        """
        over = f"{self.index_expression('vector')} {self._operator_class}"
        options = f"m = {self.config.m}, ef_construction = {self.config.ef_construct}"
        name = self.index_names["hnsw"]
        with session.connection.transaction():
            session.run("SET LOCAL statement_timeout = 0")
            session.run(f"DROP INDEX IF EXISTS {self.vector_index}")
            session.run(f"CREATE INDEX {name} ON {self.points} USING hnsw ({over}) WITH ({options})")
            session.run(f"COMMENT ON INDEX {self.vector_index} IS '{self.index_description}'")

    def build_other_indexes(self, session: Session) -> None:
        """Build what filters and `query_text` search by, where it is missing; all or nothing.

        Args:
            session: Outside a transaction.
        """
        with session.connection.transaction():
            session.run("SET LOCAL statement_timeout = 0")
            self._index(session, "fields", "fields jsonb_path_ops")
            if self.config.text:
                session.run(f"ALTER TABLE {self.points} ADD COLUMN IF NOT EXISTS {self._words()}")
                self._index(session, "text", "words")

    def _index(self, session: Session, index: Index, over: str) -> None:
        session.run(f"CREATE INDEX IF NOT EXISTS {self.index_names[index]} ON {self.points} USING gin ({over})")

    def built(self, session: Session) -> "Built":
        """Look at what there is beside the tables.

        Args:
            session: Any.

        Returns:
            What is built.

        Raises:
            StorageError: If the table is gone.
        """
        ((there, index, words),) = session.rows(
            "SELECT to_regclass(%(points)s)::text, obj_description(to_regclass(%(index)s), 'pg_class'), EXISTS (SELECT "
            "FROM pg_attribute WHERE attrelid = to_regclass(%(points)s) AND attname = 'words' AND NOT attisdropped)",
            {"points": self.points, "index": self.vector_index},
        )
        if there is None:
            raise StorageError(
                f"the table {self.points} is gone, though the registry names it; restore it, or index again"
            )
        kind = self.index_description.partition(" ")[0]
        index = index or ""
        return Built(index == self.index_description, index.startswith(f"{kind} "), words)


@dataclass(frozen=True)
class Built:
    """What a store has beside its tables.

    Attributes:
        index_current: Whether there is an HNSW index as the configuration wants it.
        index_usable: Whether there is one over the same values, perhaps with other options.
        words_kept: Whether the words of its texts are in a column.
    """

    index_current: bool
    index_usable: bool
    words_kept: bool


def quoted(*names: str) -> str:
    """Quote a name, or a schema and a name in it, for SQL."""
    from psycopg.sql import Identifier

    return Identifier(*names).as_string(None)
