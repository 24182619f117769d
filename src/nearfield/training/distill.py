"""Distil a static encoder from a teacher: as fast as looking up words, as good as a table of tokens can be.

The teacher encodes sentences of real text; a table of token vectors is fitted so that their mean over a sentence
points where the teacher's vector does. Taking the teacher's vectors of single tokens instead (Model2Vec) costs minutes
less and several points of quality.
"""

import os
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from nearfield.arrays import Vectors, normalise
from nearfield.encoders.api_services import find_service
from nearfield.encoders.base import Encoder
from nearfield.encoders.find import find_folder
from nearfield.encoders.load import is_static, load_encoder
from nearfield.encoders.modules import read_modules
from nearfield.encoders.options import split_name
from nearfield.encoders.static import StaticEncoder
from nearfield.encoders.static_folder import write_static_folder
from nearfield.encoders.tokenizer_file import find_tokenizer, read_tokenizer
from nearfield.errors import InvalidInputError, MissingExtraError, StorageError
from nearfield.progress import Progress, silent
from nearfield.training.targets import Targets, teacher_targets
from nearfield.training.vocabulary import fit_vocabulary

if TYPE_CHECKING:
    from scipy import sparse

_SAMPLE = 50_000  # targets that the projection is fitted on
_FREQUENCY_WEIGHT = 1e-3
_CHUNK_TEXTS = 20_000


@dataclass(frozen=True)
class DistillOptions:
    """How to distil.

    Attributes:
        dim: Dimensions of the student; at most the teacher's.
        vocabulary: Most tokens to have.
        dtype: What the table is stored as: `int8`, `float16` or `float32`. sentence-transformers reads no int8.
        epochs: Times each text is seen.
        batch: Texts between two steps.
        learning_rate: Of the first steps; it falls to zero.
        similarity_weight: Weight of the match of similarities within a batch, against 1 for the cosine.
        seed: Of the order of texts.
    """

    dim: int = 256
    vocabulary: int = 28_000
    dtype: str = "int8"
    epochs: int = 8
    batch: int = 512
    learning_rate: float = 0.01
    similarity_weight: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be distilled."""
        if self.dtype not in ("int8", "float16", "float32"):
            raise InvalidInputError(f"dtype must be int8, float16 or float32, got {self.dtype!r}")
        for name in ("dim", "vocabulary", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < 1 or not self.similarity_weight >= 0 or self.seed < 0:
            raise InvalidInputError(
                "learning_rate must be between 0 and 1, similarity_weight and seed at least 0; got "
                f"{self.learning_rate}, {self.similarity_weight} and {self.seed}"
            )


def distill(
    teacher: str | Path,
    texts: Sequence[str],
    output: str | Path,
    *,
    options: DistillOptions | None = None,
    work: str | Path | None = None,
    progress: Progress = silent,
) -> StaticEncoder:
    """Make a static encoder that agrees with a teacher on texts like the given ones.

    Encoding the texts with the teacher takes longest. Give `work` to keep its vectors: a run that is cut short then
    goes on where it stopped, and another with other options starts from them.

    Args:
        teacher: An encoder's name or folder; its tokeniser must be of the WordPiece kind.
        texts: Sentences and passages, as many as can be had; at least as many as `options.batch`.
        output: Where to write the encoder; a folder that model2vec reads too, and sentence-transformers unless it is
            int8.
        options: How to distil.
        work: Where to keep the teacher's vectors; nowhere by default.
        progress: Called as the work goes on.

    Returns:
        The encoder, as it was written. The same texts, options and versions give the same table.

    Raises:
        InvalidInputError: If there are too few texts, an option is out of range or the teacher's tokeniser is of
            another kind.
        UnknownEncoderError: If there is no such teacher.
        MissingExtraError: If SciPy is not installed.
        StorageError: If the disk refuses.
    """
    options = options or DistillOptions()
    if len(texts) < options.batch:
        raise InvalidInputError(f"{len(texts):,} texts are fewer than one batch of {options.batch:,}; give more texts")
    _require_scipy()
    _require_room(Path(output))
    tokenizer = _tokenizer(os.fspath(teacher))
    loaded = load_encoder(teacher)
    if options.dim > loaded.spec.dim:
        raise InvalidInputError(f"dim must be at most the teacher's {loaded.spec.dim}, got {options.dim}")
    progress("fitting the vocabulary", 0, None)
    student = fit_vocabulary(tokenizer, texts, size=options.vocabulary)
    with tempfile.TemporaryDirectory() if work is None else nullcontext(work) as folder:
        targets = teacher_targets(loaded, texts, Path(folder), progress=progress)
    table = _fit(loaded, student, texts, targets, options, progress)
    settings = {"tokenizer_name": loaded.spec.name, "distilled_from": loaded.spec.fingerprint, "texts": len(texts)}
    write_static_folder(
        Path(output), student, table, dtype=options.dtype, config=settings | {"options": asdict(options)}
    )
    return StaticEncoder.from_folder(output)


def _require_room(output: Path) -> None:
    """Refuse, before hours of work, an output that could not be written after them."""
    existing = next(parent for parent in (output, *output.absolute().parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise StorageError(
            f"{output} cannot be written: {existing} is no folder that can be written to; choose another"
        )


def _tokenizer(teacher: str) -> Tokenizer:
    """Read the tokeniser of a teacher, which is a model folder of one's own or a name that stands for one."""
    name, _, _ = split_name(teacher)
    if find_service(name) is not None:
        raise InvalidInputError(f"{name} is a service, which does not tell its tokeniser; choose a local teacher")
    folder = find_folder(name)
    if is_static(folder):
        raise InvalidInputError(
            f"{name} is static itself; choose a transformer to learn from, such as all-MiniLM-L6-v2"
        )
    inner = read_modules(folder).transformer if (folder / "modules.json").exists() else folder
    return read_tokenizer(find_tokenizer(inner))


def _fit(
    teacher: Encoder,
    student: Tokenizer,
    texts: Sequence[str],
    targets: Targets,
    options: DistillOptions,
    progress: Progress,
) -> Vectors:
    from nearfield.training.static_table import TableOptions, fit_table

    bags = _bags(student, texts, progress)
    projection = principal_directions(targets, options.dim, seed=options.seed)
    vocabulary = student.get_vocab()
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    alone = normalise(teacher.encode([piece.removeprefix("##") for piece in pieces])) @ projection
    # What is frequent says little (Arora et al. 2017, "A simple but tough-to-beat baseline for sentence embeddings").
    frequency = np.asarray(bags.sum(axis=0), dtype=np.float64).ravel() / bags.sum()
    weights = (_FREQUENCY_WEIGHT / (_FREQUENCY_WEIGHT + frequency))[:, None]
    how = TableOptions(options.epochs, options.batch, options.learning_rate, options.similarity_weight, options.seed)
    start = np.ascontiguousarray(alone * weights, dtype=np.float32)
    return fit_table(bags, targets, start, how, projection=projection, progress=progress)


def principal_directions(vectors: npt.NDArray[np.float16], dim: int, *, seed: int = 0) -> Vectors:
    """Find the directions that keep most of the vectors' lengths: principal components without centring.

    Args:
        vectors: `(n, d)`; a sample of them is looked at.
        dim: How many directions, at most `d`.
        seed: Of the sample.

    Returns:
        `(d, dim)` float32, orthonormal columns, the strongest first.
    """
    order = np.random.default_rng(seed).permutation(len(vectors))[:_SAMPLE]
    sample = vectors[np.sort(order)].astype(np.float32)
    _, directions = np.linalg.eigh(sample.T @ sample)
    return np.ascontiguousarray(directions[:, ::-1][:, :dim], dtype=np.float32)


def _bags(tokenizer: Tokenizer, texts: Sequence[str], progress: Progress) -> "sparse.csr_matrix":
    """Count how often each token occurs in each text: `(n, tokens)` float32."""
    from scipy import sparse

    parts = []
    for start in range(0, len(texts), _CHUNK_TEXTS):
        encodings = tokenizer.encode_batch_fast(list(texts[start : start + _CHUNK_TEXTS]), add_special_tokens=False)
        ids = [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
        ends = np.concatenate([[0], np.cumsum([len(tokens) for tokens in ids])])
        flat = np.concatenate(ids)
        part = sparse.csr_matrix(
            (np.ones(len(flat), np.float32), flat, ends), shape=(len(ids), tokenizer.get_vocab_size())
        )
        part.sum_duplicates()
        parts.append(part)
        progress("counting tokens", start + len(ids), len(texts))
    return sparse.vstack(parts, format="csr")


def _require_scipy() -> None:
    try:
        import scipy  # noqa: F401  # what follows takes minutes before it would be missed
    except ImportError as error:
        raise MissingExtraError("distilling needs SciPy: pip install 'nearfield[train]'") from error
