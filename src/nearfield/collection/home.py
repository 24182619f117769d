"""Where one collection lives: a database, and the name it has there."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from nearfield.collection.manifest import Manifest
from nearfield.errors import CapabilityError, CollectionError, InvalidInputError
from nearfield.stores.address import Address, connect
from nearfield.stores.base import Capabilities, Store, StoreConfig
from nearfield.stores.database import Database, Document, Lock


class Home:
    """One collection's place in a database: its documents and its stores.

    Args:
        address: The collection's.
        database: The database, connected; closed with the home.
    """

    def __init__(self, address: Address, database: Database) -> None:
        self.address = address
        self._database = database

    @classmethod
    def find(cls, address: "str | os.PathLike[str] | Address") -> "Home":
        """Connect to where a collection is, or is to be.

        Args:
            address: Its folder or URL.

        Returns:
            The home; close it.

        Raises:
            InvalidInputError: If the address names no collection.
            MissingExtraError: If the database's client is not installed.
            StorageError: If the database cannot be reached.
            StoreAccessError: If it refuses this user.
        """
        parsed = address if isinstance(address, Address) else Address.parse(address)
        if not parsed.name:
            example = f"{parsed}#faq" if parsed.scheme else f"{parsed}faq.collection"
            raise InvalidInputError(f"{parsed} names no collection; add one, as in {example}")
        return cls(parsed, connect(parsed))

    @property
    def config_type(self) -> type[StoreConfig]:
        """What stores are created with here."""
        return self._database.config_type

    @property
    def capabilities(self) -> Capabilities:
        """Say what stores can do here."""
        return self._database.capabilities

    def config_for(self, manifest: Manifest, given: StoreConfig | None) -> StoreConfig:
        """Fill in what a retriever decides of a store's configuration, and see that there can be such a store here.

        Args:
            manifest: Says how the collection ranks, and by whose vectors.
            given: Options of the store; the defaults of this kind of database otherwise.

        Returns:
            The configuration, of this database's kind.

        Raises:
            CapabilityError: If the back end cannot hold what the retriever needs.
            InvalidInputError: If the options are of another kind.
        """
        spec, encoder, can = manifest.retriever, manifest.encoder, self.capabilities
        if spec.engine not in (None, can.text):
            none = "it has none of its own; give the URL of a database that has it"
            own = f"its own is {can.text}" if can.text else none
            raise CapabilityError(f"{self.address} has no lexical search {spec.engine}; {own}")
        if spec.lexical and not can.sparse:
            instead = f"{can.text}, which is its own, or " if can.text else ""
            raise CapabilityError(
                f"{self.address} keeps no words, so no {' or '.join(spec.lexical)}; use {instead}an encoder alone, or "
                "another database"
            )
        kind = self.config_type
        if given is not None and not isinstance(given, kind):
            raise InvalidInputError(f"{self.address} takes a {kind.__name__}, got a {type(given).__name__}")
        return replace(
            given or kind(),
            dim=None if encoder is None else encoder.dim,
            metric="cosine" if encoder is None else encoder.metric,
            sparse=tuple(spec.lexical),
            text=spec.engine is not None,
        )

    def require_outside(self, path: Path) -> None:
        """Refuse to write a file among those that the collection is made of.

        Args:
            path: The file.

        Raises:
            InvalidInputError: If it is in the collection's folder, or in that of its database.
        """
        address = self.address
        if address.host or address.scheme not in ("", "chroma", "milvus", "qdrant"):
            return
        folder = Path(address.path if address.scheme else str(address)).resolve()
        if path.resolve().is_relative_to(folder):
            raise InvalidInputError(f"{path} is among the files of {address} itself; write it somewhere else")

    def claim(self) -> Lock:
        """Take the place for a new collection."""
        return self._database.claim(self.address.name)

    def hold(self) -> Lock:
        """Take the collection that is here."""
        return self._database.hold(self.address.name)

    def manifest(self, document: Document = "manifest") -> Manifest:
        """Read the manifest, or another document that is one; a `CollectionError` if there is none to be read."""
        content = self._database.read(self.address.name, document)
        if content is None:
            raise CollectionError(
                f"{self.address} is no collection (it has no {document}); make one with `nearfield index`"
            )
        return Manifest.from_bytes(content, address=str(self.address), config_type=self.config_type)

    def save(self, manifest: Manifest, document: Document = "manifest") -> None:
        """Write a manifest: all of it or none."""
        self._database.write(self.address.name, document, manifest.to_bytes())

    def read(self, document: Document) -> bytes | None:
        """Read a document; None if there is none."""
        return self._database.read(self.address.name, document)

    def write(self, document: Document, content: bytes | None) -> None:
        """Write a document, or remove it: all or nothing."""
        self._database.write(self.address.name, document, content)

    def create_store(self, manifest: Manifest) -> Store:
        """Make the empty store that a manifest describes."""
        return self._database.create_store(self.address.name, manifest.generation, manifest.store)

    def open_store(self, manifest: Manifest) -> Store:
        """Open the store that a manifest describes."""
        return self._database.open_store(self.address.name, manifest.generation, manifest.store)

    def drop_store(self, generation: int) -> None:
        """Remove a store; harmless when there is none."""
        self._database.drop_store(self.address.name, generation)

    def generations(self) -> list[int]:
        """List the stores, ascending."""
        return self._database.generations(self.address.name)

    @contextmanager
    def temporary_store(self, config: StoreConfig) -> Iterator[Store]:
        """Make a store of the same kind that belongs to no collection and is removed in the end.

        Args:
            config: What it is to hold.

        Yields:
            The store: in a temporary folder, or on the server under a name that begins with `temporary_`.
        """
        name = f"temporary_{uuid.uuid4().hex[:12]}"
        if self.address.scheme:
            try:
                with closing(self._database.create_store(name, 1, config)) as store:
                    yield store
            finally:
                self._database.drop_store(name, 1)
            return
        with tempfile.TemporaryDirectory(prefix="nearfield-") as folder:
            elsewhere = connect(replace(self.address, path=folder))
            with closing(elsewhere), closing(elsewhere.create_store(name, 1, config)) as store:
                yield store

    def drop(self) -> None:
        """Remove the collection whole."""
        self._database.drop(self.address.name)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()
