"""From sentences to a space: vocabulary, tables, training, and the vectors that come of it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from nearfield.errors import TrainingError
from nearfield.progress import Progress
from nearfield.space.keys import Positions
from nearfield.space.ngrams import add_ngrams, ngram_rows_of
from nearfield.space.space import Space
from nearfield.space.subwords import Subwords
from nearfield.training.word2vec import run
from nearfield.training.word2vec.checkpoint import Checkpoints
from nearfield.training.word2vec.kernel import LONGEST_SENTENCE, Plan, Tables
from nearfield.training.word2vec.linear_algebra import SIGMOID
from nearfield.training.word2vec.options import Word2VecOptions
from nearfield.training.word2vec.phrases import join_phrases
from nearfield.training.word2vec.sampling import alias_table, huffman_paths, keep_chances
from nearfield.training.word2vec.shards import Shards, keep_words, number_words

_WORDS_AT_ONCE = 1024  # cut into n-grams


def train_on(
    sentences: Iterable[Sequence[str]],
    folder: Path,
    options: Word2VecOptions,
    *,
    workers: int,
    source: str,
    progress: Progress,
) -> Space:
    """Train word vectors; see `train_word2vec`.

    Args:
        sentences: The words of each sentence; gone through once.
        folder: For the corpus as numbers, and checkpoints.
        options: How to train.
        workers: Threads.
        source: What to call the corpus in an error.
        progress: Told the words read, then the words trained on.

    Returns:
        The space.
    """
    shards = _prepare(sentences, folder, options, source, progress)
    tables = _make_tables(shards, options)
    schedule = run.Schedule(options.epochs, options.first_rate, options.min_alpha, options.seed, workers)
    checkpoints = Checkpoints(folder, {**asdict(options), "corpus": _digest(shards), "chunk_words": run.CHUNK_WORDS})
    losses = run.run(shards, tables, make_plan(tables, options), schedule, checkpoints=checkpoints, progress=progress)
    if not np.isfinite(tables.inputs.sum(dtype=np.float64)):  # as it is if every one is, without a copy
        raise TrainingError(
            f"learning diverges: a vector is not finite; give a smaller alpha than {options.first_rate:g}"
        )
    vectors, subwords = tables.inputs[: len(shards.words)], None
    if options.subwords:
        subwords = Subwords(tables.inputs[len(shards.words) :], options.min_n, options.max_n)
        vectors = add_ngrams(shards.words, vectors, subwords)
    about = {
        "trained_by": "fasttext" if options.subwords else "word2vec",
        "words": len(shards.ids),
        "losses": [round(loss, 6) for loss in losses],
        "options": asdict(options),
    }
    return Space(shards.words, vectors, subwords=subwords, counts=shards.counts, about=about)


def make_plan(tables: Tables, options: Word2VecOptions) -> Plan:
    """Say how each word is learnt from.

    The larger the block, the faster, and the fewer different negatives a word meets. These sizes were chosen on
    WordSim, SimLex, MEN and Google's analogies after five epochs of 16 million words: see `benchmarks/README.md`.
    """
    block, shared = (4, math.ceil(1.6 * options.negative)) if options.sg else (8, math.ceil(1.8 * options.negative))
    return Plan(
        skip_gram=bool(options.sg),
        window=options.window,
        shrink=options.shrink_windows,
        use_mean=bool(options.cbow_mean),
        block=1 if options.hs else block,
        shared=shared,
        negative=float(options.negative),
        longest_path=int(np.diff(tables.path_bounds).max(initial=0)),
    )


def _prepare(
    sentences: Iterable[Sequence[str]], folder: Path, options: Word2VecOptions, source: str, progress: Progress
) -> Shards:
    shards = number_words(sentences, folder, max_vocab_size=options.max_vocab_size, progress=progress)
    for number in range(options.phrases):
        shards = join_phrases(
            shards,
            folder,
            name=f"phrases-{number + 1}",
            min_count=options.min_count,
            threshold=options.phrase_threshold,
            progress=progress,
        )
    return keep_words(
        shards,
        folder,
        min_count=options.min_count,
        max_words=options.max_final_vocab,
        longest=LONGEST_SENTENCE,
        source=source,
    )


def _make_tables(shards: Shards, options: Word2VecOptions) -> Tables:
    words, dim = len(shards.words), options.vector_size
    buckets = options.bucket if options.subwords else 0
    bounds, parts = _word_rows(shards.words, options)
    generator = np.random.default_rng(options.seed)
    inputs = generator.random((words + buckets, dim), dtype=np.float32)
    inputs -= np.float32(0.5)
    inputs /= np.float32(dim)
    alias, alias_keep = np.empty(0, np.int64), np.empty(0, np.uint32)
    path_bounds, paths, labels = np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    if options.hs:
        path_bounds, paths, labels = huffman_paths(shards.counts)
    else:
        alias, alias_keep = alias_table(shards.counts.astype(np.float64) ** options.ns_exponent)
    return Tables(
        inputs=inputs,
        bounds=bounds,
        parts=parts,
        outputs=np.zeros((words, dim), np.float32),
        keep=keep_chances(shards.counts, options.sample),
        alias=alias,
        alias_keep=alias_keep,
        path_bounds=path_bounds,
        paths=paths,
        path_labels=labels,
        sigmoid=SIGMOID,
    )


def _word_rows(words: Sequence[str], options: Word2VecOptions) -> tuple[Positions, Positions]:
    """List which input rows each word is made of, its own first: see `Tables.bounds` and `Tables.parts`."""
    own = np.arange(len(words))
    if not options.subwords:
        return np.arange(len(words) + 1), own
    rows, counts = [], []
    for first in range(0, len(words), _WORDS_AT_ONCE):
        found, lengths = ngram_rows_of(
            words[first : first + _WORDS_AT_ONCE], min_n=options.min_n, max_n=options.max_n, buckets=options.bucket
        )
        rows.append(found + len(words))
        counts.append(lengths)
    lengths = np.concatenate(counts)
    before = np.cumsum(lengths) - lengths
    return np.concatenate([[0], np.cumsum(lengths + 1)]), np.insert(np.concatenate(rows), before, own)


def _digest(shards: Shards) -> str:
    """Name a corpus by its words and their counts."""
    content: Any = blake2b("\n".join(shards.words).encode(), digest_size=16)
    content.update(np.ascontiguousarray(shards.counts, dtype="<i8").tobytes())
    content.update(str(len(shards.ids)).encode())
    return str(content.hexdigest())
