"""Static encoders of random tables, in the layouts that model2vec and sentence-transformers publish."""

import json

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

PIECES = ["[PAD]", "[UNK]", *"abcdefgh", *(f"##{letter}" for letter in "abcdefgh"), "tap", "drip", "##s", ",", "."]
TEXTS = ["Tap drips.", "tap, tap\ttap\nabc", "", "  tap  ", "né tap", "zzz", "(tap)", "a" * 150, "drip drip tap bag"]


def word_pieces():
    vocabulary = {piece: row for row, piece in enumerate(PIECES)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]"])
    return tokenizer


def byte_pairs():
    """A tokeniser that looks across spaces: a word's first letter carries the space before it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: row for row, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def table(tokenizer, *, dim=6, seed=0):
    return np.random.default_rng(seed).normal(size=(tokenizer.get_vocab_size(), dim)).astype(np.float32)


def write_folder(path, tensors, *, tokenizer=None, config=None, modules=("StaticEmbedding", "Normalize")):
    path.mkdir(exist_ok=True)
    save_file(tensors, path / "model.safetensors")
    (tokenizer or word_pieces()).save(str(path / "tokenizer.json"))
    if config is not None:
        (path / "config.json").write_text(json.dumps(config))
    if modules is not None:
        listed = [{"idx": n, "path": "", "type": f"sentence_transformers.models.{m}"} for n, m in enumerate(modules)]
        (path / "modules.json").write_text(json.dumps(listed))
    return path
