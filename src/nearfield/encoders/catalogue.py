"""What is known of published encoders: one entry for each in `catalogue.toml`."""

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from nearfield.arrays import Metric
from nearfield.encoders.base import Modality
from nearfield.errors import InvalidInputError
from nearfield.report.frozen import from_json

Runs: TypeAlias = Literal["native", "onnx", "sentence-transformers", "api", "none"]
"""How an encoder runs here: built from its weights, through its published ONNX file, ..., or not at all."""

_FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True)
class CatalogueEntry:
    """What is known of one published encoder.

    Attributes:
        name: Short name.
        hub_name: Name on the model hub; for one that is called over a network, `service:model`.
        family: Architecture, as its `config.json` calls it in `model_type`; or the service.
        dim: Number of dimensions of a vector.
        max_tokens: Longest input, in tokens, special tokens included; 0 where there is no limit, or no text.
        pooling: How token (or patch) vectors become one vector.
        licence: Of the weights: the hub's identifier, `proprietary`, or `unstated`.
        runs: How it runs here.
        parameters: Number of parameters, in millions; None where it is not published.
        metric: How two vectors are meant to be compared.
        normalise: Whether the model as published scales its vectors to length 1.
        query_prompt: Text put before each query in retrieval.
        document_prompt: Text put before each document in retrieval.
        include_prompt: Whether the prompt's tokens are pooled too.
        languages: ISO 639-1 codes; `code` for programming languages, `mul` for many of which no list is published.
        modality: What is encoded.
        matryoshka: Smaller dimensions that it was trained to be cut to, or can be asked for; largest first.
        status: Whether it can still be had.
        successor: Short name of what its provider recommends in its place.
        note: What else to know before choosing it; why it does not run here.
    """

    name: str
    hub_name: str
    family: str
    dim: int
    max_tokens: int
    pooling: Literal["mean", "cls", "max", "lasttoken", "eos", "attention", "unpublished"]
    licence: str
    runs: Runs
    parameters: float | None = None
    metric: Metric = "cosine"
    normalise: bool = True
    query_prompt: str = ""
    document_prompt: str = ""
    include_prompt: bool = True
    languages: tuple[str, ...] = ("en",)
    modality: Modality = "text"
    matryoshka: tuple[int, ...] = ()
    status: Literal["current", "retired"] = "current"
    successor: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse an entry that contradicts itself."""
        dims = (self.dim, *self.matryoshka)
        if dims[-1] < 1 or list(dims) != sorted(set(dims), reverse=True):
            raise InvalidInputError(f"{self.name}: dim and matryoshka must fall and be at least 1, got {dims}")
        if (self.status == "retired") != bool(self.successor) or (self.successor and self.runs != "none"):
            raise InvalidInputError(f"{self.name}: a retired encoder, and no other, has a successor; it runs 'none'")
        if self.runs == "none" and not self.note:
            raise InvalidInputError(f"{self.name}: an encoder that does not run needs a note that says why")

    def speaks(self, language: str) -> bool:
        """Say whether it is known to read a language, or reads many of which no list is published.

        Args:
            language: ISO 639-1 code, or `code`.

        Returns:
            Whether it does.
        """
        return language in self.languages or ("mul" in self.languages and language != "code")


@cache
def catalogue() -> tuple[CatalogueEntry, ...]:
    """List every encoder in the catalogue.

    Returns:
        The entries, related ones together.

    Examples:
        >>> [entry.name for entry in catalogue() if entry.family == "mpnet" and entry.metric == "cosine"]
        ['all-mpnet-base-v2']
    """
    return read_catalogue(_FILE.read_text(encoding="utf-8"))


def read_catalogue(text: str) -> tuple[CatalogueEntry, ...]:
    """Read a catalogue and check it.

    Args:
        text: TOML: `[families]`, how each runs; `[languages]`, lists by name; and `[[model]]` for each encoder, whose
            `languages` may name one of those lists.

    Returns:
        The entries, in order.

    Raises:
        InvalidInputError: If it is not TOML, or a key or a family is unknown, a value has another type, an entry
            contradicts itself, or a name occurs twice.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"the catalogue is not valid TOML: {error}") from error
    if unknown := sorted(tables.keys() - {"families", "languages", "model"}):
        raise InvalidInputError(f"the catalogue has an unknown table {unknown[0]!r}")
    entries = tuple(_entry(tables, values) for values in tables["model"])
    names = [name.casefold() for entry in entries for name in {entry.name, entry.hub_name}]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInputError(f"the catalogue has the name {twice[0]!r} twice")
    if lost := sorted({entry.successor for entry in entries} - {entry.name for entry in entries} - {""}):
        raise InvalidInputError(f"the catalogue has no successor {lost[0]!r}")
    return entries


def _entry(tables: dict[str, Any], values: dict[str, Any]) -> CatalogueEntry:
    name, family, languages = values.get("name"), values.get("family"), values.get("languages")
    if family not in tables["families"]:
        raise InvalidInputError(f"{name}: family {family!r} is not one of {', '.join(tables['families'])}")
    values = {"runs": tables["families"][family]} | values
    if isinstance(languages, str):
        if languages not in tables["languages"]:
            raise InvalidInputError(f"{name}: no list of languages is called {languages!r}")
        values["languages"] = tables["languages"][languages]
    try:
        return from_json(CatalogueEntry, values)
    except InvalidInputError as error:
        raise InvalidInputError(f"{name}: {error}") from error


def find_entry(name: str) -> CatalogueEntry | None:
    """Find an encoder in the catalogue.

    Args:
        name: Its short name or its hub name, in any case.

    Returns:
        Its entry; None if it has none.
    """
    return _by_name().get(name.casefold())


def suggest(name: str) -> list[str]:
    """List the names most like one that is not known.

    Args:
        name: As somebody typed it.

    Returns:
        Up to three short names, the nearest first, then those that hold it; none if there is none.

    Examples:
        >>> suggest("all-minilm-l6")[0]
        'all-MiniLM-L6-v2'
    """
    typed, known = name.casefold(), _by_name()
    near = difflib.get_close_matches(typed, known, n=6)  # six, since most have two names
    near += [other for other in known if len(typed) > 2 and typed in other]
    return list(dict.fromkeys(known[match].name for match in near))[:3]


@cache
def _by_name() -> dict[str, CatalogueEntry]:
    return {name.casefold(): entry for entry in catalogue() for name in (entry.name, entry.hub_name)}
