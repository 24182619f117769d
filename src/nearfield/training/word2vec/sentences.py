"""Sentences of words, from files, folders or Python, without ever holding more than one."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from nearfield.data.files import BOM, open_bytes
from nearfield.errors import DataError, InvalidInputError

WordCorpus: TypeAlias = "str | os.PathLike[str] | Iterable[str | Sequence[str]]"
Tokenise: TypeAlias = "Literal['words', 'whitespace'] | Callable[[str], Sequence[str]]"

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_LONGEST_READ = 1 << 20  # bytes of a line that are taken at once; some corpora are a single line


def read_sentences(corpus: WordCorpus, tokenise: Tokenise = "words") -> Iterator[Sequence[str]]:
    """Go through the sentences of a corpus.

    Args:
        corpus: A text file with a sentence, or a paragraph, a line (UTF-8; also compressed), a folder of such files,
            or an iterable of texts or of lists of words.
        tokenise: How a text is cut: `words` takes lower-case letters and digits, with apostrophes inside a word;
            `whitespace` cuts at white space and changes nothing; or a function. Lists of words are taken as they are.

    Yields:
        The words of each sentence.

    Raises:
        DataError: If a file cannot be read or is not UTF-8, naming file, line and byte; or a folder has no files.
        InvalidInputError: If the corpus or `tokenise` is something else.
    """
    cut = _cutter(tokenise)
    if isinstance(corpus, str | os.PathLike):
        for path in corpus_files(Path(corpus)):
            yield from map(cut, _read_lines(path))
        return
    if not isinstance(corpus, Iterable):
        raise InvalidInputError(f"a corpus must be a path or an iterable of sentences, got {type(corpus).__name__}")
    for number, sentence in enumerate(corpus):
        if isinstance(sentence, str):
            yield cut(sentence)
        elif isinstance(sentence, Sequence) and not isinstance(sentence, bytes):
            yield sentence
        else:
            raise InvalidInputError(
                f"sentence number {number} must be a text or a list of words, got {type(sentence).__name__}"
            )


def corpus_files(path: Path) -> list[Path]:
    """List the files of a corpus.

    Args:
        path: A file, or a folder.

    Returns:
        The file itself, or all in the folder and below it but hidden ones, sorted.

    Raises:
        DataError: If there is nothing.
    """
    if not path.is_dir():
        if not path.exists():
            raise DataError("no such file or folder", source=str(path))
        return [path]
    found = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not found:
        raise DataError("has no files; give a folder of text files", source=str(path))
    return found


def _cutter(tokenise: Tokenise) -> Callable[[str], Sequence[str]]:
    if tokenise == "words":
        return lambda text: _WORD.findall(text.lower())
    if tokenise == "whitespace":
        return str.split
    if callable(tokenise):
        return tokenise
    raise InvalidInputError(f"tokenise must be 'words', 'whitespace' or a function, got {tokenise!r}")


def _read_lines(path: Path) -> Iterator[str]:
    """Read lines; one longer than a megabyte comes in pieces, cut at white space where there is any."""
    offset, line, rest = 0, 1, b""
    with open_bytes(path) as stream:
        while read := stream.readline(_LONGEST_READ):
            raw, rest = rest + read, b""
            if offset == 0:
                raw = raw.removeprefix(BOM)
            if not raw.endswith(b"\n") and len(read) == _LONGEST_READ:
                raw, rest = _split_at_space(raw)
            yield _decode(raw, path, line, offset)
            offset += len(raw)
            line += raw.endswith(b"\n")
    if rest:
        yield _decode(rest, path, line, offset)


def _split_at_space(raw: bytes) -> tuple[bytes, bytes]:
    place = max(raw.rfind(b" "), raw.rfind(b"\t"))
    if place > 0:
        return raw[:place], raw[place:]
    whole = len(raw) - next((back for back in range(1, 4) if raw[-back] & 0xC0 == 0xC0), 0)  # no character is halved
    return raw[:whole], raw[whole:]


def _decode(raw: bytes, path: Path, line: int, offset: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"not valid UTF-8: byte 0x{raw[error.start]:02x} at byte {offset + error.start} of the text; save it as "
            "UTF-8",
            source=str(path),
            line=line,
        ) from error
