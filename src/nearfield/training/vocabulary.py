"""The token vocabulary of a static encoder: a teacher's pieces that are in use, and frequent words as one token each.

A static table adds up what its tokens mean on their own, so a word cut into pieces that mean nothing on their own
(`my ##oc ##ard ##ial`) is worth little until it has a row of its own.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer

from nearfield.errors import InvalidInputError

LEAST_COUNT = 5
"""A piece or word seen less often has too little text to learn a vector from."""
_LONGEST_WORD = 30


def fit_vocabulary(tokenizer: Tokenizer, texts: Sequence[str], *, size: int) -> Tokenizer:
    """Fit a WordPiece vocabulary to a corpus.

    Kept are the unknown token, the padding token, all single characters of printable ASCII and pieces that occur;
    dropped are the rest of the special tokens and what the corpus does not use. What room is left is filled with the
    corpus's most frequent words that had to be cut. The longest piece goes first in WordPiece, so such a word is one
    token from now on.

    Args:
        tokenizer: The teacher's; WordPiece. It is not changed.
        texts: The corpus.
        size: Most tokens to have.

    Returns:
        A tokeniser without special tokens around a text, without padding or truncation.

    Raises:
        InvalidInputError: If the tokeniser is not WordPiece, or `size` holds not even its characters.
    """
    content = json.loads(tokenizer.to_str())
    model = content["model"]
    if model["type"] != "WordPiece":
        raise InvalidInputError(f"only a WordPiece vocabulary can be fitted, the teacher's is {model['type']}")
    words = count_words(tokenizer, texts)
    prefix = model["continuing_subword_prefix"]
    pieces = _count_pieces(tokenizer, words)
    characters = {p for p in model["vocab"] if len(p.removeprefix(prefix)) == 1 and p.isascii()}
    special = [token["content"] for token in content["added_tokens"] if token["content"] in ("[PAD]", "[UNK]")]
    used = [piece for piece, count in pieces.most_common() if count >= LEAST_COUNT]
    vocabulary = list(dict.fromkeys([*special, model["unk_token"], *sorted(characters), *used]))
    if len(characters) + len(special) >= size:
        raise InvalidInputError(f"size must be above {len(characters) + len(special)} to hold characters, got {size}")
    known = set(vocabulary) | set(model["vocab"])
    fresh = [word for word, count in words.most_common() if count >= LEAST_COUNT and _is_word(word, known)]
    vocabulary = _most_frequent(vocabulary, fresh, pieces | words, keep=len(special) + len(characters), size=size)
    model["vocab"] = {piece: row for row, piece in enumerate(vocabulary)}
    content |= {"post_processor": None, "padding": None, "truncation": None}
    content["added_tokens"] = [
        token | {"id": model["vocab"][token["content"]]}
        for token in content["added_tokens"]
        if token["content"] in special
    ]
    return Tokenizer.from_str(json.dumps(content))


def count_words(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[str]:
    """Count the words a tokeniser sees before it cuts them into pieces."""
    chunks = Counter[str]()
    for text in texts:
        chunks.update(text.split())
    words = Counter[str]()
    for chunk, count in chunks.items():
        normal = tokenizer.normalizer.normalize_str(chunk) if tokenizer.normalizer else chunk
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal):
            words[word] += count
    return words


def _count_pieces(tokenizer: Tokenizer, words: Counter[str]) -> Counter[str]:
    pieces = Counter[int]()
    encodings = tokenizer.encode_batch_fast(list(words), add_special_tokens=False)
    for count, encoding in zip(words.values(), encodings, strict=True):
        for piece in encoding.ids:
            pieces[piece] += count
    names = {id_: name for name, id_ in tokenizer.get_vocab().items()}
    return Counter({names[piece]: count for piece, count in pieces.items()})


def _is_word(word: str, known: set[str]) -> bool:
    return word not in known and word.isalpha() and 2 < len(word) <= _LONGEST_WORD


def _most_frequent(pieces: list[str], words: list[str], counts: Counter[str], *, keep: int, size: int) -> list[str]:
    """Take the most frequent of both, after the first `keep`."""
    rest = sorted(pieces[keep:] + words, key=lambda token: -counts[token])
    return pieces[:keep] + rest[: size - keep]
