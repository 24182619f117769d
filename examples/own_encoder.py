"""Compare an encoder of one's own, here hashed 3-letter pieces of words, with what comes with nearfield."""

import zlib
from collections.abc import Sequence

import numpy as np

import nearfield as nf
from nearfield.encoders.base import TextInspection


class Pieces:
    """Counts pieces of words in 512 buckets. Any object with these methods is an encoder."""

    weights_bytes = 0
    # Whatever changes the vectors must change the spec: collections refuse an encoder whose spec is another.
    spec = nf.EncoderSpec(name="pieces", weights="crc32", tokenizer="3 letters", dim=512)

    def encode(self, texts: Sequence[str], *, progress: object = None) -> np.ndarray:
        """One float32 row for each text, of length 1."""
        vectors = np.full((len(texts), self.spec.dim), 1e-6, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for piece in self._pieces(text):
                row[zlib.crc32(piece.encode()) % self.spec.dim] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    encode_query = encode
    encode_document = encode

    def inspect(self, texts: Sequence[str], *, role: str = "document") -> list[TextInspection]:
        """Nothing is ever too long."""
        return [TextInspection(len(self._pieces(text)), truncated=False, empty=not text.strip()) for text in texts]

    @staticmethod
    def _pieces(text: str) -> list[str]:
        words = (f" {word} " for word in text.lower().split())
        return [word[i : i + 3] for word in words for i in range(len(word) - 2)]


howto = nf.load_dataset("howto")
report = nf.compare(
    howto.corpus,
    ["bm25", "mine", "bm25+mine"],
    queries=howto.judgements.queries,
    qrels=howto.judgements.qrels,
    encoders={"mine": Pieces()},
)
print(report)

# To build and to open, the encoder is given again; its space is checked.
report.build("mine.collection", howto.corpus, candidate="bm25+mine", encoders={"mine": Pieces()}).close()
with nf.Collection.open("mine.collection", encoder=Pieces()) as collection:
    print("\nbicycles:", [hit.id for hit in collection.search("bicycles", k=3)])
