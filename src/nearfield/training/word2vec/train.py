"""Train word vectors on plain text."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from nearfield.encoders.options import available_cores
from nearfield.errors import InvalidInputError
from nearfield.extras import import_extra
from nearfield.files import make_directory
from nearfield.folder_lock import FolderLock
from nearfield.progress import Progress, silent
from nearfield.space.space import Space
from nearfield.training.word2vec.options import Word2VecOptions
from nearfield.training.word2vec.sentences import Tokenise, WordCorpus, read_sentences


def train_word2vec(
    corpus: WordCorpus,
    *,
    vector_size: int = 100,
    window: int = 5,
    min_count: int = 5,
    sg: Literal[0, 1] = 0,
    hs: Literal[0, 1] = 0,
    negative: int = 5,
    ns_exponent: float = 0.75,
    cbow_mean: Literal[0, 1] = 1,
    alpha: float | None = None,
    min_alpha: float = 0.0001,
    epochs: int = 5,
    sample: float = 1e-3,
    shrink_windows: bool = True,
    max_vocab_size: int | None = 10_000_000,
    max_final_vocab: int | None = None,
    subwords: bool = False,
    min_n: int = 3,
    max_n: int = 6,
    bucket: int = 2_000_000,
    phrases: int = 0,
    phrase_threshold: float = 10.0,
    seed: int = 1,
    workers: int | None = None,
    tokenise: Tokenise = "words",
    work: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> Space:
    """Train word vectors: word2vec, or with `subwords` fastText.

    The parameters have gensim's names and meanings, and but for `alpha` its defaults.

    Args:
        corpus: A text file with a sentence, or a paragraph, a line (UTF-8; also compressed), a folder of such files,
            or an iterable of texts or of lists of words. It is read once and kept as numbers on disk.
        vector_size: Dimensions.
        window: Most words on each side that count as context.
        min_count: Words seen less often are left out.
        sg: 1 for skip-gram, 0 for CBOW.
        hs: 1 for hierarchical softmax, with `negative=0`.
        negative: Words that each pair is held against.
        ns_exponent: Those are drawn by count to this power.
        cbow_mean: 1 for the mean of the context in CBOW, 0 for its sum.
        alpha: Learning rate at the start; None for 0.04 in skip-gram and 0.05 in CBOW, which suit negatives that
            are shared by a block; gensim takes 0.025 for both.
        min_alpha: Learning rate at the end.
        epochs: Times the corpus is gone through.
        sample: Words more frequent than this share are randomly left out.
        shrink_windows: Whether each centre draws its window from 1 to `window`.
        max_vocab_size: Most distinct words to count at once.
        max_final_vocab: Most words to keep.
        subwords: Whether vectors are made of n-grams too, so that unseen words have some.
        min_n: Fewest characters of an n-gram.
        max_n: Most characters of an n-gram.
        bucket: Rows that n-grams share.
        phrases: Times to join words that stand together unusually often.
        phrase_threshold: How unusually.
        seed: Of the random numbers; with `workers=1` the same gives the same vectors, bit for bit.
        workers: Threads; None for one on each core.
        tokenise: How texts are cut: `words`, `whitespace` or a function; see `read_sentences`.
        work: A folder for checkpoints: the same call goes on from the last one after a kill. It may be removed when
            the vectors are saved. None for a temporary folder.
        progress: Told the words read, then the words trained on, with the loss.

    Returns:
        The words by falling count with their vectors and counts; with `subwords` also what makes vectors for others.

    Raises:
        DataError: If a file cannot be read, is not UTF-8, or too few words occur often enough.
        InvalidInputError: If a parameter is out of range, or `work` holds another training.
        TrainingError: If learning diverges.
        CollectionBusyError: If another process trains in `work`.
        StorageError: If the disk refuses.
        MissingExtraError: If Numba is not installed.

    References:
        Mikolov et al. (2013), https://arxiv.org/abs/1301.3781 and https://arxiv.org/abs/1310.4546;
        Bojanowski et al. (2017), doi:10.1162/tacl_a_00051.
    """
    options = Word2VecOptions(
        vector_size=vector_size,
        window=window,
        min_count=min_count,
        sg=sg,
        hs=hs,
        negative=negative,
        ns_exponent=ns_exponent,
        cbow_mean=cbow_mean,
        alpha=alpha,
        min_alpha=min_alpha,
        epochs=epochs,
        sample=sample,
        shrink_windows=shrink_windows,
        max_vocab_size=max_vocab_size,
        max_final_vocab=max_final_vocab,
        subwords=subwords,
        min_n=min_n,
        max_n=max_n,
        bucket=bucket,
        phrases=phrases,
        phrase_threshold=phrase_threshold,
        seed=seed,
    )
    if workers is not None and workers < 1:
        raise InvalidInputError(f"workers must be at least 1, or None for all cores, got {workers}")
    import_extra("numba", extra="train")
    from nearfield.training.word2vec.model import train_on

    source = "the corpus"
    if isinstance(corpus, str | os.PathLike):
        source = os.fspath(corpus)
        _refuse_inside(source, work)
    with _work_folder(work) as folder:
        return train_on(
            read_sentences(corpus, tokenise),
            folder,
            options,
            workers=workers or available_cores(),
            source=source,
            progress=progress,
        )


def _refuse_inside(corpus: str, work: str | os.PathLike[str] | None) -> None:
    """Refuse to keep numbers where they would be read as text."""
    if work is not None and Path(corpus).resolve() in (Path(work).resolve(), *Path(work).resolve().parents):
        raise InvalidInputError(f"work lies in the corpus, {corpus}, so it would be read as text; give another folder")


@contextmanager
def _work_folder(work: str | os.PathLike[str] | None) -> Iterator[Path]:
    if work is None:
        with tempfile.TemporaryDirectory(prefix="nearfield-", ignore_cleanup_errors=True) as temporary:
            yield Path(temporary)
        return
    folder = Path(work)
    make_directory(folder)
    lock = FolderLock(folder)
    try:
        yield folder
    finally:
        lock.release()
