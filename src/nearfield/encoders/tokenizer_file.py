"""Finds and loads the `tokenizer.json` of a model folder."""

from pathlib import Path

from tokenizers import Tokenizer

from nearfield.errors import ModelFolderError, UnsupportedModelError

# What a folder without tokenizer.json may hold in its place, which only transformers reads.
_OLDER_TOKENIZERS = ("vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")


def find_tokenizer(folder: Path) -> Path:
    """Find a `tokenizer.json`.

    Args:
        folder: The folder that holds `config.json`.

    Returns:
        The file.

    Raises:
        UnsupportedModelError: If only an older tokeniser is there.
        ModelFolderError: If none is.
    """
    file = folder / "tokenizer.json"
    if file.is_file():
        return file
    message = f"{file} is missing; save the model with its fast tokenizer, or download it again"
    if any((folder / name).exists() for name in _OLDER_TOKENIZERS):
        raise UnsupportedModelError(message)
    raise ModelFolderError(message)


def read_tokenizer(path: Path) -> Tokenizer:
    """Load a `tokenizer.json`, set to cut and to pad nothing.

    Args:
        path: The file.

    Returns:
        The tokeniser.

    Raises:
        ModelFolderError: If the file is damaged.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing more precise
        raise ModelFolderError(f"{path} is not a readable tokenizer ({error}); download it again") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """Load a `tokenizer.json`, set to cut what is too long and to pad nothing.

    Args:
        path: The file.
        max_tokens: Where to cut, special tokens included.

    Returns:
        The tokeniser.

    Raises:
        ModelFolderError: If the file is damaged, or no text would fit into the maximum length.
    """
    tokenizer = read_tokenizer(path)
    if max_tokens <= tokenizer.num_special_tokens_to_add(False):
        raise ModelFolderError(f"{path.parent}: at most {max_tokens} tokens leave no room for any text")
    tokenizer.enable_truncation(max_tokens)
    return tokenizer
