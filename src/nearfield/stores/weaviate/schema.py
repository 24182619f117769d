"""Weaviate's classes: what a store's is called, what its objects hold and how their vectors are indexed."""

import json
import re
from typing import Any

from nearfield.errors import CollectionError
from nearfield.extras import import_extra
from nearfield.stores.database import check_name
from nearfield.stores.weaviate.config import WeaviateConfig
from nearfield.stores.weaviate.filters import TOKENS

VECTOR = "dense"
ID, TITLE, TEXT, BODY, NORM, SLOT = "key", "title", "text", "body", "norm", "slot"

_FORMAT = 1
_PREFIX = "Nearfield_"
_CLASS = re.compile(rf"{_PREFIX}((?:[a-z0-9]|_[0-9a-f]{{2}})+?)(?:__([1-9][0-9]*))?", re.ASCII)
_DISTANCES = {"cosine": "COSINE", "dot": "DOT", "l2": "L2_SQUARED"}


def class_name(name: str, generation: int) -> str:
    """Name the class of a store.

    Weaviate tells no capital from a small letter in names, and allows no hyphen.

    Args:
        name: The collection's.
        generation: The store's.

    Returns:
        A name such as `Nearfield_faq__2`; what is no small letter or digit is `_` and two hexadecimal digits.

    Examples:
        >>> class_name("faq", 1), class_name("My-faq", 2)
        ('Nearfield_faq', 'Nearfield__4dy_2dfaq__2')
    """
    check_name(name)
    escaped = "".join(char if char.islower() or char.isdigit() else f"_{ord(char):02x}" for char in name)
    return f"{_PREFIX}{escaped}" + ("" if generation == 1 else f"__{generation}")


def store_of(class_name: str) -> tuple[str, int] | None:
    """Undo `class_name`.

    Args:
        class_name: Of any class.

    Returns:
        The collection's name and the store's generation; None for a class that is no store's.

    Examples:
        >>> store_of("Nearfield__4dy_2dfaq__2"), store_of("Nearfield_faq"), store_of("Article")
        (('My-faq', 2), ('faq', 1), None)
    """
    found = _CLASS.fullmatch(class_name)
    if found is None:
        return None
    name = re.sub(r"_([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), found[1])
    return name, int(found[2] or 1)


def class_options(config: WeaviateConfig) -> dict[str, Any]:
    """Give what the client creates a store's class with, beside its name.

    Args:
        config: A checked configuration.

    Returns:
        Arguments of the client's `collections.create`.
    """
    classes = import_extra("weaviate.classes.config", extra="weaviate")
    configure, kinds = classes.Configure, classes.DataType
    words = {"index_filterable": False, "index_searchable": True, "tokenization": classes.Tokenization.WORD}
    kept = {"index_filterable": False, "index_searchable": False}

    options: dict[str, Any] = {
        "description": _describe(config),
        "properties": [
            classes.Property(name=ID, data_type=kinds.TEXT, **kept),
            classes.Property(name=TITLE, data_type=kinds.TEXT, **words),
            classes.Property(name=TEXT, data_type=kinds.TEXT, **words),
            classes.Property(name=BODY, data_type=kinds.TEXT, **kept),
            classes.Property(name=NORM, data_type=kinds.NUMBER, index_filterable=False),
            classes.Property(name=SLOT, data_type=kinds.INT, index_filterable=False, index_range_filters=True),
            classes.Property(
                name=TOKENS, data_type=kinds.TEXT_ARRAY, index_searchable=False, tokenization=classes.Tokenization.FIELD
            ),
        ],
        "replication_config": configure.replication(factor=config.replicas),
    }
    if config.shards is not None:
        options["sharding_config"] = configure.sharding(desired_count=config.shards)
    if config.dim is not None:
        options["vector_config"] = configure.Vectors.self_provided(
            name=VECTOR, vector_index_config=_vector_index(config, classes)
        )
    return options


def _vector_index(config: WeaviateConfig, classes: Any) -> Any:  # noqa: ANN401  # the client's types
    index = classes.Configure.VectorIndex
    distance = getattr(classes.VectorDistances, _DISTANCES[config.metric])
    quantiser = _quantiser(config, index.Quantizer)
    flat = index.flat(distance_metric=distance, quantizer=quantiser)
    if config.index == "flat":
        return flat
    graph = index.hnsw(
        distance_metric=distance,
        ef=config.ef,
        ef_construction=config.ef_construct,
        max_connections=config.m,
        flat_search_cutoff=config.index_above + 1,  # it compares all that are fewer
        quantizer=quantiser,
    )
    if config.index == "hnsw":
        return graph
    return index.dynamic(distance_metric=distance, threshold=config.index_above, hnsw=graph, flat=flat)


def _quantiser(config: WeaviateConfig, quantisers: Any) -> Any:  # noqa: ANN401  # the client's types
    if config.quantisation == "none":
        return quantisers.none()  # said, because servers from 1.33 on quantise what does not say so
    if config.quantiser == "rq":
        return quantisers.rq(bits=8 if config.quantisation == "int8" else 1, rescore_limit=config.rescore_limit)
    return getattr(quantisers, config.quantiser)(rescore_limit=config.rescore_limit)


def _describe(config: WeaviateConfig) -> str:
    return describe(dim=config.dim, metric=config.metric, ef=config.ef)


def describe(**kept: object) -> str:
    """Write the description of a class of ours, with what is kept in it."""
    return json.dumps({"nearfield": _FORMAT, **kept})


def read_description(description: str | None, what: str) -> dict[str, Any]:
    """Read the description of a class of ours.

    Args:
        description: As the server has it.
        what: What to call the class in a message.

    Returns:
        What `describe` was given.

    Raises:
        CollectionError: If the class is not ours, or of a format not known here.
    """
    try:
        kept = json.loads(description or "")
        version = kept.pop("nearfield")
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CollectionError(f"{what} is a class that nearfield did not make; choose another name") from None
    if version != _FORMAT:
        raise CollectionError(
            f"{what} has format version {version!r}, this nearfield reads {_FORMAT}; use the nearfield that made it"
        )
    found: dict[str, Any] = kept
    return found


def created_with(description: str | None, config: WeaviateConfig, what: str) -> int:
    """Compare the configuration a store is opened with to the one it was created with.

    Args:
        description: Of its class.
        config: What it is opened with.
        what: What to call it in a message.

    Returns:
        The `ef` that the server searches with.

    Raises:
        CollectionError: If the class is not a store's, is of a format not known here, or differs in `dim` or `metric`.
    """
    kept = read_description(description, what)
    for name in ("dim", "metric"):
        if kept.get(name) != getattr(config, name):
            raise CollectionError(f"{what} was created with {name} {kept.get(name)!r}, not {getattr(config, name)!r}")
    return int(kept["ef"])
