"""Search a folder of images by image, with an encoder of one's own: how often each colour occurs.

A model folder does better: `nf.load_encoder("openai/clip-vit-large-patch14")` finds images by text too.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import nearfield as nf
from nearfield.encoders.base import TextInspection


class Colours:
    """Counts the pixels of 64 colours."""

    weights_bytes = 0
    spec = nf.EncoderSpec(name="colours", weights="4 levels a channel", tokenizer="", dim=64, modality="image")

    def encode(self, images: Sequence[nf.Image], *, progress: object = None) -> np.ndarray:
        """One float32 row for each image, of length 1."""
        vectors = np.zeros((len(images), self.spec.dim), dtype=np.float32)
        for row, image in zip(vectors, images, strict=True):
            levels = np.asarray(image.open(), dtype=np.int64) // 64
            row += np.bincount((levels @ [16, 4, 1]).ravel(), minlength=self.spec.dim)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    encode_query = encode
    encode_document = encode

    def inspect(self, images: Sequence[nf.Image], *, role: str = "document") -> list[TextInspection]:
        """An image has no tokens."""
        return [TextInspection(0, truncated=False, empty=False) for _ in images]


def paint(path: Path, colour: str, background: str) -> nf.Image:
    """Draw a disc."""
    picture = Image.new("RGB", (64, 64), background)
    ImageDraw.Draw(picture).ellipse((12, 12, 52, 52), fill=colour)
    path.parent.mkdir(exist_ok=True)
    picture.save(path)
    return nf.Image(path)


for name, colours in {"tomato": ("red", "white"), "lime": ("green", "white"), "moon": ("white", "navy")}.items():
    paint(Path("photos") / f"{name}.png", *colours)

collection, summary = nf.build_collection("photos.collection", "photos", "colours", encoder=Colours())
with collection:
    print(f"{summary.written} images")
    for hit in collection.search(paint(Path("cherry.png"), "red", "ivory"), k=3):
        print(f"{hit.score:.2f}  {hit.id}  {Path(hit.image).relative_to(Path.cwd())}")
