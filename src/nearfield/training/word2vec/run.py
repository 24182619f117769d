"""Go through a corpus in chunks, on all cores, watch the loss, and be able to go on after an interruption.

A chunk is some ten thousand words. Its learning rate and its random numbers depend on its place in the corpus and the
epoch only, so one worker gives the same vectors in every run, interrupted or not. Several workers change the tables
at the same time, so their results differ a little from run to run.
"""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from nearfield.errors import TrainingError
from nearfield.progress import NOTE, Progress
from nearfield.space.keys import Positions
from nearfield.training.word2vec.checkpoint import Checkpoints, TrainingState
from nearfield.training.word2vec.kernel import Plan, Tables, train_sentences
from nearfield.training.word2vec.shards import Shards

CHUNK_WORDS = 20_000
"""What a checkpoint counts in."""
_ROUND_CHUNKS = 32  # for each worker; between rounds, loss and checkpoint are seen to
_SAVE_EVERY = 60.0  # seconds, and twenty times as long as saving takes
_DIVERGED = 3 * math.log(2)  # three times the loss of vectors that know nothing


@dataclass(frozen=True)
class Schedule:
    """How often, how fast, and with which random numbers.

    Attributes:
        epochs: Times the corpus is gone through.
        alpha: Learning rate at the start.
        min_alpha: Learning rate at the end, which it reaches linearly.
        seed: Of the random numbers.
        workers: Threads.
    """

    epochs: int
    alpha: float
    min_alpha: float
    seed: int
    workers: int

    def rate(self, share: float) -> float:
        """Give the learning rate when a share of all words, from 0 to 1, has been gone through."""
        return self.alpha + (self.min_alpha - self.alpha) * share


def run(
    shards: Shards, tables: Tables, plan: Plan, schedule: Schedule, *, checkpoints: Checkpoints, progress: Progress
) -> tuple[float, ...]:
    """Train until the end, from the last checkpoint if there is one.

    Args:
        shards: The corpus.
        tables: What is learnt; changed.
        plan: How each word is learnt from.
        schedule: How often and how fast.
        checkpoints: Where what was learnt so far is kept.
        progress: Told the words gone through, of all epochs, and the loss.

    Returns:
        The mean loss of each epoch: of each prediction, in nats.

    Raises:
        TrainingError: If learning diverges.
        StorageError: If a checkpoint cannot be written.
    """
    edges = _chunk_edges(shards.ends)
    chunks, total = len(edges) - 1, len(shards.ids)
    state = checkpoints.load(tables)
    clock = _SaveClock()
    progress("compiling, for the first time only", 0, None)
    train_sentences(np.empty(0, np.int32), np.empty(0, np.int64), tables, plan, 0.0, 0.0, 0)
    progress("training", state.epoch * total + _words_before(shards, edges, state.chunk), schedule.epochs * total)
    with ThreadPoolExecutor(schedule.workers) as pool:
        while state.epoch < schedule.epochs:
            wave = range(state.chunk, min(chunks, state.chunk + _ROUND_CHUNKS * schedule.workers))
            epoch = state.epoch
            work = [pool.submit(_train_chunk, shards, edges, tables, plan, schedule, epoch, chunk) for chunk in wave]
            found = np.array([chunk.result() for chunk in work]).sum(axis=0)
            _check(found[0], found[1], schedule.alpha)
            state = state.after_chunks(len(wave), float(found[0]), float(found[1]))
            done = epoch * total + _words_before(shards, edges, wave.stop)
            progress(f"training{NOTE}loss {state.mean_loss:.3f}", done, schedule.epochs * total)
            if state.chunk == chunks:
                state = state.after_epoch()
            if clock.is_due():
                clock.save(checkpoints, state, tables)
    return state.losses


class _SaveClock:
    """Says when the next checkpoint is due."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _SAVE_EVERY

    def is_due(self) -> bool:
        return time.monotonic() >= self._next

    def save(self, checkpoints: Checkpoints, state: TrainingState, tables: Tables) -> None:
        began = time.monotonic()
        checkpoints.save(state, tables)
        now = time.monotonic()
        self._next = now + max(_SAVE_EVERY, 20 * (now - began))


def _chunk_edges(ends: Positions) -> Positions:
    """Find the sentences at which chunks of about equal numbers of words begin, and after them the end."""
    chunks = max(1, round(int(ends[-1]) / CHUNK_WORDS))
    inner = np.searchsorted(ends, np.linspace(0, int(ends[-1]), chunks + 1)[1:-1]) + 1
    return np.unique(np.concatenate([[0], inner, [len(ends)]]))


def _words_before(shards: Shards, edges: Positions, chunk: int) -> int:
    return int(shards.ends[edges[chunk] - 1]) if edges[chunk] else 0


def _train_chunk(
    shards: Shards, edges: Positions, tables: Tables, plan: Plan, schedule: Schedule, epoch: int, chunk: int
) -> tuple[float, float]:
    first, last = edges[chunk], edges[chunk + 1]
    start, end = (_words_before(shards, edges, place) for place in (chunk, chunk + 1))
    gone, total = epoch * len(shards.ids), schedule.epochs * len(shards.ids)
    seed = np.random.SeedSequence([schedule.seed, epoch, chunk]).generate_state(1, np.uint64)[0] >> np.uint64(1)
    found: tuple[float, float] = train_sentences(
        shards.copy(start, end),
        np.array(shards.ends[first:last]) - start,
        tables,
        plan,
        schedule.rate((gone + start) / total),
        schedule.rate((gone + end) / total),
        int(seed),
    )
    return found


def _check(loss: float, weight: float, alpha: float) -> None:
    if not weight:
        return
    mean = loss / weight
    if math.isfinite(mean) and mean < _DIVERGED:
        return
    raise TrainingError(
        f"learning diverges: the loss is {mean:.3g}, and that of vectors that know nothing {math.log(2):.3g}; give a "
        f"smaller alpha than {alpha:g}"
    )
