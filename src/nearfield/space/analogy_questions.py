"""Answer many analogy questions over the same vectors at once.

A test set asks thousands of questions about a few hundred words. So the cosines of those words with every row are
computed once, a block of rows at a time, and each question only combines three lines of that table.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Vectors
from nearfield.encoders.options import available_cores
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.space.analogies import COSMUL_EPSILON, AnalogyMethod, require_method
from nearfield.space.keys import Positions

_TABLE_CELLS = 1 << 22  # of float32 cosines: 16 MiB
_FEWEST_ROWS, _MOST_ROWS = 256, 4096  # of vectors in a block
_QUESTIONS_AT_ONCE = 8192  # so that the table of their words stays small however many questions there are
_CHUNK = 64  # questions whose scores over a block stay in a core's cache
_CLOSE = 0.05  # squared distance below which float32 cosines say too little about it

_Cells: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Block:
    """The words that are asked with, some rows of the vectors, and the cosines between them."""

    words: Vectors  # (w, d)
    rows: Vectors  # (r, d)
    cosines: _Cells  # (w, r)


def answer_analogies(
    vectors: Vectors, questions: Positions, *, method: AnalogyMethod = "3CosAdd", progress: Progress = silent
) -> Positions:
    """Find for each question "a is to b as c is to what?" the best row that is none of the three.

    Args:
        vectors: `(n, d)` float32 rows of length 1, such as `Space.unit_vectors`; at least 4.
        questions: `(m, 3)` int64 rows of a, b and c; they may repeat, and m may be 0.
        method: `3CosAdd`, `3CosMul` or `PairDirection`; see `nearfield.space.analogies`.
        progress: Told how many questions are answered; part of one over part of the rows counts as that part.

    Returns:
        `(m,)` int64. Scores are compared in float32; of equal ones the earlier row wins.

    Raises:
        InvalidInputError: If there are fewer than 4 vectors, the questions have another shape or name rows that are
            not there, or there is no such method.
    """
    require_method(method)
    questions = _checked(questions, len(vectors))
    best = np.zeros(len(questions), np.int64)
    with ThreadPoolExecutor(available_cores(), thread_name_prefix="nearfield-analogies") as pool:
        for start in range(0, len(questions), _QUESTIONS_AT_ONCE):
            part = questions[start : start + _QUESTIONS_AT_ONCE]

            def tell(share: float, start: int = start, size: int = len(part)) -> None:
                progress("analogies", start + int(size * share), len(questions))

            best[start : start + len(part)] = _answer(vectors, part, _METHODS[method], pool, tell)
    return best


def _checked(questions: Positions, rows: int) -> Positions:
    if rows < 4:
        raise InvalidInputError(f"analogies need at least 4 vectors, three to ask with and one to find; got {rows}")
    questions = np.asarray(questions, np.int64)
    if questions.ndim != 2 or questions.shape[1] != 3:
        raise InvalidInputError(f"questions must have shape (m, 3), got {questions.shape}")
    if len(questions) and not 0 <= questions.min() <= questions.max() < rows:
        raise InvalidInputError(
            f"questions must name rows from 0 to {rows - 1}, got {questions.min()} to {questions.max()}"
        )
    return questions


def _answer(
    vectors: Vectors,
    questions: Positions,
    combine: Callable[[_Block, Positions], _Cells],
    pool: ThreadPoolExecutor,
    tell: Callable[[float], None],
) -> Positions:
    words, places = np.unique(questions, return_inverse=True)
    places = places.reshape(questions.shape)
    asked = vectors[words]
    best_row = np.zeros(len(questions), np.int64)
    best_score = np.full(len(questions), -np.inf, np.float32)
    step = int(np.clip(_TABLE_CELLS // len(words), _FEWEST_ROWS, _MOST_ROWS))

    def take(start: int, block: _Block, chunk: slice) -> None:
        scores = combine(block, places[chunk])
        local = questions[chunk] - start
        question, which = np.nonzero((local >= 0) & (local < len(block.rows)))
        scores[question, local[question, which]] = -np.inf
        column = scores.argmax(axis=1)
        score = scores[np.arange(len(scores)), column]
        better = score > best_score[chunk]
        best_row[chunk][better] = start + column[better]
        best_score[chunk][better] = score[better]

    for start in range(0, len(vectors), step):
        rows = vectors[start : start + step]
        block = _Block(asked, rows, asked @ rows.T)
        chunks = [slice(first, first + _CHUNK) for first in range(0, len(questions), _CHUNK)]
        for done in [pool.submit(take, start, block, chunk) for chunk in chunks]:
            done.result()
        tell(min(start + step, len(vectors)) / len(vectors))
    return best_row


def _cos_add(block: _Block, places: Positions) -> _Cells:
    a, b, c = places.T
    scores: _Cells = block.cosines[b]
    scores -= block.cosines[a]
    scores += block.cosines[c]
    return scores


def _cos_mul(block: _Block, places: Positions) -> _Cells:
    a, b, c = ((1 + block.cosines[word]) / 2 for word in places.T)
    scores: _Cells = b * c / (np.maximum(a, 0) + np.float32(COSMUL_EPSILON))
    return scores


def _pair_direction(block: _Block, places: Positions) -> _Cells:
    # The length of b - a is the same for every row, so it is left out.
    a, b, c = places.T
    direction = block.words[b] - block.words[a]
    scores: _Cells = block.cosines[b] - block.cosines[a]
    scores -= np.einsum("qd,qd->q", direction, block.words[c])[:, None]
    squared = 2 - 2 * block.cosines[c]
    close = squared < _CLOSE
    scores /= np.sqrt(np.maximum(squared, _CLOSE))
    for question in np.flatnonzero(close.any(axis=1)):
        columns = np.flatnonzero(close[question])
        away = block.rows[columns].astype(np.float64) - block.words[c[question]]
        lengths = np.linalg.norm(away, axis=1)
        along = away @ direction[question]
        scores[question, columns] = np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0)
    return scores


_METHODS: Mapping[AnalogyMethod, Callable[[_Block, Positions], _Cells]] = {
    "3CosAdd": _cos_add,
    "3CosMul": _cos_mul,
    "PairDirection": _pair_direction,
}
