"""An encoder whose vectors are made smaller: fewer dimensions, fewer bits for each."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.api_batches import PricedEncoder
from nearfield.encoders.base import Encoder, EncoderSpec, Item, Role, TextInspection
from nearfield.encoders.calibration import MARGIN, bundled_sample
from nearfield.encoders.innermost import innermost
from nearfield.encoders.options import Precision, VectorOptions, rename
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.quantisation import Calibration, dequantise, pack_signs, quantise, unpack_signs

_BLOCK = 4096  # rows reduced at a time, so that what is between takes little memory


class ReducedEncoder:
    """Keeps the leading dimensions of another encoder's vectors, and rounds their values.

    The vectors stay float32 `(n, d)`, so that every store and metric works on them, but hold only the values that the
    codes of `nearfield.quantisation` stand for: what is measured with them is what those codes would give. Satisfies
    the `Encoder` protocol.

    Leading dimensions mean something where the model was trained for that (Matryoshka; Kusupati et al. 2022,
    arXiv:2205.13147); of any other model they are as good as any that many. Where the encoder gives vectors of length
    1, so are the shortened ones; where it does not, they are left as long as they are. `int8` and `uint8` values are
    not scaled to length 1 again, so `spec.normalise` is false. `binary` values are all 1/sqrt(d) or -1/sqrt(d): of
    length 1, and ranked by the Hamming distance of their bits whatever the metric.

    Args:
        encoder: What encodes.
        dim: Leading dimensions to keep; all by default.
        precision: What the values are rounded to.
        calibration: Ranges for `int8` and `uint8`, of vectors already shortened. By default they are fitted when first
            needed, on English texts that come with nearfield (a second or so).

    Attributes:
        encoder: What encodes.

    Raises:
        InvalidInputError: If there are fewer dimensions than `dim`, the calibration has another number of them or
            belongs to no range, or the precision loses what the metric compares. Of a service's encoder, whose spec
            may take a request, when the spec is first needed.
    """

    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        *,
        dim: int | None = None,
        precision: Precision = "float32",
        calibration: Calibration | None = None,
    ) -> None:
        self.encoder = encoder
        self._options = VectorOptions(dim=dim, precision=precision)
        self._given = calibration
        if not isinstance(innermost(encoder), PricedEncoder):
            self._check()

    @cached_property
    def spec(self) -> EncoderSpec:
        """Say which space the vectors are in."""
        self._check()
        of, dim, precision = self.encoder.spec, self._options.dim, self._options.precision
        return replace(
            of,
            name=rename(of.name, dim=dim, precision=precision),
            dim=dim or of.dim,
            normalise=of.normalise if precision == "float32" else precision == "binary",
            precision=precision,
            calibration=self._calibration_digest(precision),
        )

    @property
    def weights_bytes(self) -> int:
        """Memory that the weights take."""
        return self.encoder.weights_bytes

    @cached_property
    def calibration(self) -> Calibration:
        """The ranges of `int8` and `uint8`; fitted when first asked for, where none were given."""
        if self._given is not None:
            return self._given
        return Calibration.fit(self._shorten(bundled_sample().encode(self.encoder)), margin=MARGIN)

    def encode(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt: `(n, d)` float32."""
        return self.reduce(self.encoder.encode(texts, progress=progress))

    def encode_query(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `(n, d)` float32."""
        return self.reduce(self.encoder.encode_query(texts, progress=progress))

    def encode_document(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `(n, d)` float32."""
        return self.reduce(self.encoder.encode_document(texts, progress=progress))

    def inspect(self, texts: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Say how many tokens each text has, and whether it would be cut or is empty."""
        return self.encoder.inspect(texts, role=role)

    def reduce(self, vectors: Vectors) -> Vectors:
        """Make vectors smaller that the encoder gave already.

        Args:
            vectors: `(n, D)` float32 of the encoder's own space.

        Returns:
            `(n, d)` float32, a copy.
        """
        reduced = np.empty((len(vectors), self.spec.dim), dtype=np.float32)
        for start in range(0, len(vectors), _BLOCK):
            block = slice(start, start + _BLOCK)
            reduced[block] = self._round(self._shorten(vectors[block]))
        return reduced

    def _shorten(self, vectors: Vectors) -> Vectors:
        if self.spec.dim == self.encoder.spec.dim:
            return vectors
        leading = vectors[:, : self.spec.dim]
        return normalise(leading) if self.encoder.spec.normalise else leading

    def _round(self, vectors: Vectors) -> Vectors:
        match self.spec.precision:
            case "float32":
                return vectors
            case "binary":
                return unpack_signs(pack_signs(vectors), self.spec.dim) / np.float32(np.sqrt(self.spec.dim))
            case "int8" | "uint8" as precision:
                return dequantise(quantise(vectors, self.calibration, precision=precision), self.calibration)

    def _check(self) -> None:
        spec, options = self.encoder.spec, self._options
        dim = options.dim or spec.dim
        if dim > spec.dim:
            raise InvalidInputError(f"dim must be at most {spec.dim}, the dimensions of {spec.name}, got {dim}")
        if spec.precision != "float32":
            raise InvalidInputError(f"{spec.name} is rounded to {spec.precision} already; reduce the encoder it is of")
        if options.precision == "binary" and spec.metric != "cosine" and not spec.normalise:
            raise InvalidInputError(
                f"binary keeps the signs of values only, and {spec.name} is compared by {spec.metric}, which needs "
                "their lengths; choose int8"
            )
        if self._given is None:
            if options.precision in ("int8", "uint8") and spec.modality != "text":
                raise InvalidInputError(
                    f"{spec.name} encodes {spec.modality}, and ranges for {options.precision} can be fitted on bundled "
                    "texts only; give a calibration (Calibration.fit of some hundred vectors), or choose binary"
                )
        elif options.precision not in ("int8", "uint8"):
            raise InvalidInputError(
                f"a calibration goes with int8 or uint8, not with {options.precision}; leave it out"
            )
        elif self._given.dim != dim:
            raise InvalidInputError(f"the calibration must have {dim} dimensions, got {self._given.dim}")

    def _calibration_digest(self, precision: Precision) -> str:
        if precision not in ("int8", "uint8"):
            return ""
        return bundled_sample().digest if self._given is None else self._given.digest
