"""Ranges for quantisation when nobody gives any: fitted on texts that come with nearfield.

The texts are the same everywhere, so an encoder asked for by name gets the same ranges again. On another machine they
differ by float32 rounding. Any hash of the ranges themselves would break over that, however coarsely they are rounded
first: with two ends for each of hundreds of dimensions, some end lies next to a boundary. So what names these ranges
is what they follow from, the texts and the rule; the weights are in the encoder's fingerprint already.
"""

import hashlib
import itertools
import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from nearfield.arrays import Vectors
from nearfield.data.bundled import load_dataset
from nearfield.encoders.base import Encoder

MARGIN = 0.5
"""What the ranges are widened by at either end. The texts are few, so that loading stays quick; of other texts' values
0.01 % then lie outside, 2 % without (all-MiniLM-L6-v2 on SciFact), and the coarser steps cost less than that."""

_CLAIMS = 64


@dataclass(frozen=True)
class Sample:
    """Texts to fit ranges on.

    Attributes:
        documents: Texts to encode as documents.
        queries: Texts to encode as queries.
    """

    documents: tuple[str, ...]
    queries: tuple[str, ...]

    @property
    def digest(self) -> str:
        """32 hexadecimal digits over the texts and what is done with their vectors."""
        content = json.dumps(["min-max", MARGIN, self.documents, self.queries])
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    def encode(self, encoder: Encoder) -> Vectors:
        """Encode the texts: `(n, d)` float32, the documents first."""
        return np.concatenate([encoder.encode_document(self.documents), encoder.encode_query(self.queries)])


@cache
def bundled_sample() -> Sample:
    """Take the texts: the notes and questions of `howto`, and the first 64 training claims of `scifact`."""
    howto, claims = load_dataset("howto"), load_dataset("scifact", "train").judgements.queries.values()
    return Sample(
        documents=tuple(record.content for record in howto.corpus),
        queries=(*howto.judgements.queries.values(), *itertools.islice(claims, _CLAIMS)),
    )
