"""What a retriever is, small enough to write down: its legs and how they are fused."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from nearfield.encoders.options import is_folder, split_name
from nearfield.errors import InvalidInputError
from nearfield.retrieval.fusion import FUSION_METHODS, FusionMethod
from nearfield.retrieval.lexical import LexicalSpec

LEXICAL_LEGS = {
    "bm25": LexicalSpec(),
    "chars": LexicalSpec(language="none", ngram=4),
    "tfidf": LexicalSpec(weighting="tfidf", language="none"),
}
"""Lexical legs that can be asked for by name."""

ENGINE_LEGS = ("milvus-bm25", "postgresql-fulltext", "weaviate-bm25")
"""Lexical searches that a database brings, with words and weights of its own: each ranks as itself, nowhere else."""

GRAMMAR = (
    "a retriever is legs joined by '+': any of bm25, chars (BM25 over character 4-grams), tfidf, and one encoder; "
    "'hybrid:ENCODER' is short for 'bm25+ENCODER'; options follow a lexical leg as in 'bm25:language=german,k1=0.9'; "
    "'rrf:' or 'minmax:' in front changes the fusion; "
    f"on a server, its own lexical search is a leg too: {', '.join(ENGINE_LEGS)}"
)


@dataclass(frozen=True)
class RetrieverSpec:
    """Everything that decides how a retriever ranks, apart from the documents.

    Attributes:
        name: As the user wrote it.
        encoder: Name of the encoder of the dense leg; None without one.
        lexical: Lexical legs by name.
        fusion: How the legs' scores are combined, when there are several.
        weights: Weight of each leg in the order of `legs`; None for equal weights.
        depth: Candidates that each leg hands to the fusion; also the most that a search can return.
        engine: Name of the database's own lexical search, where it is a leg; None without.
    """

    name: str
    encoder: str | None
    lexical: Mapping[str, LexicalSpec]
    fusion: FusionMethod = "zscore"
    weights: tuple[float, ...] | None = None
    depth: int = 200
    engine: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could not rank."""
        if not self.legs:
            raise InvalidInputError(f"retriever {self.name!r} has no leg; {GRAMMAR}")
        if self.fusion not in FUSION_METHODS:
            raise InvalidInputError(f"fusion must be one of {', '.join(FUSION_METHODS)}, got {self.fusion!r}")
        if self.depth < 1:
            raise InvalidInputError(f"depth must be at least 1, got {self.depth}")
        if self.weights is not None and len(self.weights) != len(self.legs):
            raise InvalidInputError(f"weights must be one for each of {', '.join(self.legs)}, got {self.weights}")
        if self.weights is not None and not all(0 <= weight < math.inf for weight in self.weights):
            raise InvalidInputError(f"weights must be at least 0 and finite, got {self.weights}")

    @property
    def legs(self) -> tuple[str, ...]:
        """Names of the legs: the lexical ones in their order, the engine's, the dense one."""
        return (*self.lexical, *filter(None, (self.engine, self.encoder)))

    @classmethod
    def parse(cls, text: str) -> "RetrieverSpec":
        """Understand a retriever's name.

        Args:
            text: Such as `bm25`, `all-MiniLM-L6-v2`, `hybrid:all-MiniLM-L6-v2`, `bm25+chars+all-MiniLM-L6-v2`,
                `rrf:bm25+all-MiniLM-L6-v2`, `bm25:language=german`.

        Returns:
            The spec.

        Raises:
            InvalidInputError: If the text names no leg, two encoders, a leg twice, or an unknown option.

        Examples:
            >>> RetrieverSpec.parse("hybrid:all-MiniLM-L6-v2").legs
            ('bm25', 'all-MiniLM-L6-v2')
        """
        prefix, _, rest = text.partition(":")
        fusion: FusionMethod = "zscore"
        if prefix == "hybrid":
            rest = f"bm25+{rest}" if rest else ""
        elif prefix in FUSION_METHODS:
            fusion = prefix  # type: ignore[assignment]  # just checked to be one of the literals
        else:
            rest = text
        lexical: dict[str, LexicalSpec] = {}
        engine: str | None = None
        encoders: list[str] = []
        for part in map(str.strip, rest.split("+")):
            leg, _, options = part.partition(":")
            if not leg:
                raise InvalidInputError(f"retriever {text!r} has an empty leg; {GRAMMAR}")
            if leg in lexical or leg == engine:
                raise InvalidInputError(f"retriever {text!r} names {leg} twice; {GRAMMAR}")
            if leg in LEXICAL_LEGS:
                lexical[leg] = _with_options(LEXICAL_LEGS[leg], options, leg)
            elif leg in ENGINE_LEGS:
                if engine is not None:
                    raise InvalidInputError(f"retriever {text!r} names two databases' searches; {GRAMMAR}")
                engine = _without_options(part, leg)
            else:
                encoders.append(_lasting_name(part))
        if len(encoders) > 1:
            raise InvalidInputError(f"retriever {text!r} names two encoders, {' and '.join(encoders[:2])}; {GRAMMAR}")
        return cls(name=text, encoder=encoders[0] if encoders else None, lexical=lexical, fusion=fusion, engine=engine)

    def with_encoder(self, encoder: str) -> "RetrieverSpec":
        """Say the same with another encoder in the dense leg.

        Args:
            encoder: Its name, as `load_encoder` takes it.

        Returns:
            The spec. The encoder is replaced in its name too, unless somebody chose the name freely.

        Raises:
            InvalidInputError: If there is no dense leg.

        Examples:
            >>> RetrieverSpec.parse("rrf:bm25+all-MiniLM-L6-v2").with_encoder("e5-small-v2").name
            'rrf:bm25+e5-small-v2'
        """
        if self.encoder is None:
            raise InvalidInputError(f"{self.name} has no dense leg, so no encoder to replace; index anew with one")
        head, colon, rest = self.name.partition(":")
        if head not in ("hybrid", *FUSION_METHODS):
            head, colon, rest = "", "", self.name
        legs = [encoder if _lasting_name(leg.strip()) == self.encoder else leg for leg in rest.split("+")]
        name = f"{head}{colon}{'+'.join(legs)}"
        return replace(self, name=name, encoder=_lasting_name(encoder))


def _without_options(part: str, leg: str) -> str:
    if part != leg:
        raise InvalidInputError(f"{leg} takes no options here, got {part!r}; they are options of the store")
    return leg


def _lasting_name(encoder: str) -> str:
    """Make a folder's path absolute, so that it holds when the program runs elsewhere; its options stay."""
    name = split_name(encoder)[0]
    if not is_folder(name):
        return encoder
    # A link stays one: the catalogue knows a folder by its name.
    return f"{os.path.abspath(Path(name).expanduser())}{encoder[len(name) :]}"  # noqa: PTH100


def _with_options(spec: LexicalSpec, options: str, leg: str) -> LexicalSpec:
    settable = [f.name for f in fields(spec) if f.name not in ("weighting", "average_length")]
    changes: dict[str, Any] = {}
    for option in filter(None, re.split(r"\s*,\s*", options)):
        key, _, value = option.partition("=")
        if key not in settable:
            raise InvalidInputError(f"{leg} has no option {key!r}; it has {', '.join(settable)}")
        kind = type(getattr(spec, key))
        try:
            changes[key] = kind(value)
        except ValueError:
            raise InvalidInputError(f"{leg}:{key} must be of type {kind.__name__}, got {value!r}") from None
    return replace(spec, **changes)
