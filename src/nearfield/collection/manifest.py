"""What a collection is made of, written beside its points."""

import base64
import importlib.metadata
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from nearfield.arrays import Vectors, as_matrix, normalise
from nearfield.encoders.base import Encoder, EncoderSpec, check_vectors
from nearfield.encoders.canaries import canary_items
from nearfield.errors import CollectionError, SpaceMismatchError
from nearfield.report.frozen import from_json, to_json
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.stores.base import StoreConfig

FORMAT_VERSION = 2
_READ_VERSIONS = (1, 2)  # the first had one generation only
CANARY_COSINE = 0.999
"""Below this cosine between a canary's vector then and now, the encoder is not the same."""
BINARY_CANARY_COSINE = 0.9
"""The same of binary vectors: a value near zero changes its sign, and that alone is a cosine of 1 - 2/d. Vectors at a
cosine of 0.999 have signs at a cosine of about 0.97, other encoders' at about 0 (Charikar 2002)."""


@dataclass(frozen=True, eq=False)
class Manifest:
    """A collection's description.

    Attributes:
        retriever: How it ranks.
        store: How its points are kept.
        encoder: The space of its dense vectors; None without a dense leg.
        canaries: `(n, d)` float32 vectors of the canaries; None without a dense leg.
        state: `building` until everything that was to be indexed is.
        generation: Which of the collection's stores counts; see `nearfield.stores.database`.
    """

    retriever: RetrieverSpec
    store: StoreConfig
    encoder: EncoderSpec | None = None
    canaries: Vectors | None = None
    state: Literal["building", "ready"] = "building"
    generation: int = 1

    def check_encoder(self, encoder: Encoder) -> None:
        """Refuse an encoder of another space.

        Args:
            encoder: The one about to be used.

        Raises:
            SpaceMismatchError: If its fingerprint differs, or it gives other vectors for the canaries.
        """
        if self.encoder is None or self.canaries is None:
            raise SpaceMismatchError("this collection has no dense leg; it takes no encoder")
        if encoder.spec.fingerprint != self.encoder.fingerprint:
            then, now = asdict(self.encoder), asdict(encoder.spec)
            changes = [
                f"{key}: {then[key]!r} → {now[key]!r}" for key in then if then[key] != now[key] and key != "name"
            ]
            raise SpaceMismatchError(
                f"this collection holds vectors of {self.encoder.name} ({self.encoder.fingerprint[:8]}), not of "
                f"{encoder.spec.name} ({encoder.spec.fingerprint[:8]}); they differ in {'; '.join(changes)}. "
                "Open it with the encoder it was built with, or build another collection"
            )
        now_vectors = encode_canaries(encoder)
        cosines = np.einsum("nd,nd->n", normalise(self.canaries), normalise(now_vectors))
        least = BINARY_CANARY_COSINE if self.encoder.precision == "binary" else CANARY_COSINE
        if cosines.min() < least:
            raise SpaceMismatchError(
                f"{encoder.spec.name} gives other vectors than when this collection was built (cosine "
                f"{cosines.min():.4f} on fixed inputs, at least {least} is the same): its runtime or its remote "
                "service has changed. Build the collection again"
            )

    def to_bytes(self) -> bytes:
        """Write the manifest down, as JSON for people to read too."""
        content = {
            "format_version": FORMAT_VERSION,
            "written_by": f"nearfield {importlib.metadata.version('nearfield')}",
            "state": self.state,
            "generation": self.generation,
            "retriever": to_json(self.retriever),
            "store": to_json(self.store),
            "encoder": to_json(self.encoder),
            "fingerprint": None if self.encoder is None else self.encoder.fingerprint,
            "canaries": None
            if self.canaries is None
            else base64.b64encode(self.canaries.astype("<f4").tobytes()).decode(),
        }
        return json.dumps(content, indent=2, ensure_ascii=False).encode()

    def in_state(self, state: Literal["building", "ready"]) -> "Manifest":
        """Say whether everything that was to be indexed is."""
        return replace(self, state=state)

    @classmethod
    def from_bytes(
        cls, content: bytes, *, address: str, config_type: type[StoreConfig] | None = StoreConfig
    ) -> "Manifest":
        """Read what `to_bytes` wrote.

        Args:
            content: The document.
            address: The collection's, for messages.
            config_type: What the stores of its database are created with; None where that is not known, for the
                dimensions, metric and legs alone.

        Returns:
            The manifest.

        Raises:
            CollectionError: If it is damaged, or its format is not known here.
        """
        try:
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise CollectionError(
                f"the manifest of {address} cannot be read ({error}); restore it from a copy or index again"
            ) from error
        version = values.get("format_version") if isinstance(values, dict) else None
        if version not in _READ_VERSIONS:
            raise CollectionError(
                f"the manifest of {address} has format version {version!r}, this nearfield reads up to "
                f"{FORMAT_VERSION}; use the nearfield that wrote it, or index again"
            )
        try:
            return cls._from_json(values, config_type)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            told = str(error) if isinstance(error, ValueError) else repr(error)
            raise CollectionError(
                f"the manifest of {address} is damaged ({told}); restore it from a copy or index again"
            ) from error

    @classmethod
    def _from_json(cls, values: dict[str, Any], config_type: type[StoreConfig] | None) -> "Manifest":
        store = values["store"]
        if config_type is None:
            config_type, store = StoreConfig, {key: store[key] for key in ("dim", "metric", "sparse")}
        encoder = None if values["encoder"] is None else from_json(EncoderSpec, values["encoder"])
        canaries = None
        if encoder is not None:
            flat = np.frombuffer(base64.b64decode(values["canaries"]), dtype="<f4")
            canaries = as_matrix(flat.reshape(len(canary_items(encoder.modality)), encoder.dim))
        manifest = cls(
            retriever=from_json(RetrieverSpec, values["retriever"]),
            store=from_json(config_type, store),
            encoder=encoder,
            canaries=canaries,
            state=_state(values["state"]),
            generation=_generation(values.get("generation", 1)),
        )
        manifest._check_agreement()
        return manifest

    def _check_agreement(self) -> None:
        """Refuse parts that do not belong together: a search would do without a leg, and say nothing."""
        dim, metric = (None, "cosine") if self.encoder is None else (self.encoder.dim, self.encoder.metric)
        if (self.encoder is None) != (self.retriever.encoder is None):
            raise ValueError("its retriever and its encoder do not agree whether there is a dense leg")
        if (self.store.dim, self.store.metric) != (dim, metric):
            raise ValueError(
                f"its store is for {self.store.dim} dimensions by {self.store.metric}, not {dim} by {metric}"
            )
        if set(self.store.sparse) != set(self.retriever.lexical):
            raise ValueError(f"its store keeps the legs {self.store.sparse}, not {tuple(self.retriever.lexical)}")


def _state(value: object) -> Literal["building", "ready"]:
    if value == "ready":
        return "ready"
    if value == "building":
        return "building"
    raise ValueError(f"state {value!r}")


def _generation(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ValueError(f"generation {value!r}")


def encode_canaries(encoder: Encoder) -> Vectors:
    """Encode the fixed texts and images: `(n, d)` float32."""
    items = canary_items(encoder.spec.modality)
    return check_vectors(encoder.encode(items), encoder.spec, len(items))
