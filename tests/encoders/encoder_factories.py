"""Every family of text encoders, as the contract suite makes them: add yours to FACTORIES."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from hash_encoder import HashEncoder
from tiny_bert import tiny_tokenizer, write_folder

from nearfield.encoders.base import Encoder
from nearfield.encoders.cache import VectorCache
from nearfield.encoders.cached import CachedEncoder
from nearfield.encoders.load import load_encoder
from nearfield.encoders.reduced import ReducedEncoder
from nearfield.encoders.static_folder import write_static_folder
from nearfield.encoders.transformer import TransformerEncoder

PROMPTS = {"query": "w7 ", "document": "w8 w9 "}


def tiny_folder(folder: Path, **changes: object) -> Path:
    (folder / "tiny").mkdir(exist_ok=True)
    return write_folder(folder / "tiny", prompts=PROMPTS, **changes)


def cached(folder: Path) -> Encoder:
    return CachedEncoder(TransformerEncoder.from_folder(tiny_folder(folder)), VectorCache(folder / "v.sqlite"))


def static(folder: Path) -> Encoder:
    tokenizer = tiny_tokenizer()
    vectors = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 8)).astype(np.float32)
    write_static_folder(folder / "static", tokenizer, vectors, dtype="float32", config={"max_length": 10})
    return load_encoder(folder / "static")


FACTORIES: dict[str, Callable[[Path], Encoder]] = {
    "hash": lambda folder: HashEncoder(),
    "transformer": lambda folder: TransformerEncoder.from_folder(tiny_folder(folder)),
    "transformer-unnormalised": lambda folder: TransformerEncoder.from_folder(tiny_folder(folder, normalise=False)),
    "static": static,
    "dim": lambda folder: load_encoder(tiny_folder(folder), dim=6),
    "int8": lambda folder: load_encoder(tiny_folder(folder), precision="int8"),
    "uint8": lambda folder: ReducedEncoder(HashEncoder(), precision="uint8"),
    "binary": lambda folder: load_encoder(tiny_folder(folder), dim=7, precision="binary"),
    "error": lambda folder: load_encoder(tiny_folder(folder), on_overflow="error"),
    "chunk": lambda folder: load_encoder(tiny_folder(folder), on_overflow="chunk"),
    "cached": cached,
}
"""By name: makes an encoder, with whatever files it needs in a folder of its own. Called twice with one folder, it
makes the same encoder again. It must read the words `w0` to `w25`, at least five of them and its prompt at once."""
