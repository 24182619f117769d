"""Fit a table of token vectors so that the mean over a text's tokens points where a teacher's vector of it does.

Two terms: the cosine between a text's vector and its target, and the match of the similarities between all texts of a
batch. The first pins the space to the teacher's, the second puts the effort where similarities are compared: what makes
a similar pair more similar than another pair. Only rows whose tokens occur in a batch are touched.

References:
    Reimers & Gurevych (2020), doi:10.18653/v1/2020.emnlp-main.365, for learning a teacher's vectors;
    Park et al. (2019), Relational Knowledge Distillation, doi:10.1109/CVPR.2019.00409, for the second term;
    Kingma & Ba (2015), Adam, arXiv:1412.6980, here with moments that stand still while a row is not seen.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from nearfield.arrays import Vectors
from nearfield.errors import TrainingError
from nearfield.progress import Progress, silent

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class TableOptions:
    """How to fit; `DistillOptions` has the defaults.

    Attributes:
        epochs: Times each text is seen.
        batch: Texts between two steps.
        learning_rate: Of the first step after warming up; falls to zero along a cosine.
        similarity_weight: Weight of the match of similarities against the cosine's 1.
        seed: Of the order of texts.
    """

    epochs: int
    batch: int
    learning_rate: float
    similarity_weight: float
    seed: int


def fit_table(
    bags: sparse.csr_matrix,
    targets: npt.NDArray[np.float16],
    table: Vectors,
    options: TableOptions,
    *,
    projection: Vectors,
    progress: Progress = silent,
    after_epoch: Callable[[int, Vectors, float], None] | None = None,
) -> Vectors:
    """Fit a table by stochastic gradient descent.

    Args:
        bags: `(n, tokens)` float32, how often each token occurs in each text; rows need not sum to one.
        targets: `(n, d_teacher)`, the teacher's vectors, of length 1.
        table: `(tokens, d)` float32, where to start.
        options: How to fit.
        projection: `(d_teacher, d)` float32, from the teacher's space into the student's.
        progress: Called with the steps done.
        after_epoch: Called with the epoch's number, from 1, the table so far and the mean loss; to measure by.

    Returns:
        `(tokens, d)` float32.

    Raises:
        TrainingError: If the loss is no finite number any more.
    """
    adam = _LazyAdam(table.copy())
    rng = np.random.default_rng(options.seed)
    count = bags.shape[0] // options.batch
    total, step = options.epochs * count, 0
    for epoch in range(1, options.epochs + 1):
        order = rng.permutation(bags.shape[0])[: count * options.batch]
        losses = []
        for rows in np.sort(order.reshape(count, options.batch), axis=1):
            tokens, bag = _compact(bags[rows])
            loss, gradient = _loss(
                bag, adam.table[tokens], targets[rows].astype(np.float32), projection, options.similarity_weight
            )
            if not np.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss} in step {step + 1} of {total}; try a smaller learning rate than "
                    f"{options.learning_rate}"
                )
            losses.append(loss)
            step += 1
            adam.step(tokens, gradient, _rate(options.learning_rate, step, total))
            progress("fitting", step, total)
        if after_epoch is not None:
            after_epoch(epoch, adam.table, float(np.mean(losses)))
    return adam.table


def _rate(highest: float, step: int, total: int) -> float:
    """Rise over the first twentieth, then fall along a cosine to zero."""
    return highest * min(1.0, step / (0.05 * total)) * 0.5 * (1 + math.cos(math.pi * step / total))


class _LazyAdam:
    """Adam over the rows of a table; a row's moments stand still while it is not seen."""

    def __init__(self, table: Vectors) -> None:
        self.table = table
        self._mean, self._square = np.zeros_like(table), np.zeros_like(table)
        self._steps = np.zeros((len(table), 1), dtype=np.float32)

    def step(self, rows: npt.NDArray[np.intp], gradient: Vectors, rate: float) -> None:
        self._steps[rows] += 1
        self._mean[rows] = mean = _BETA1 * self._mean[rows] + (1 - _BETA1) * gradient
        self._square[rows] = square = _BETA2 * self._square[rows] + (1 - _BETA2) * gradient**2
        age = self._steps[rows]
        spread = np.sqrt(square / (1 - _BETA2**age)) + _EPSILON
        self.table[rows] -= np.float32(rate) * (mean / (1 - _BETA1**age)) / spread


def _compact(bag: sparse.csr_matrix) -> tuple[npt.NDArray[np.intp], sparse.csr_matrix]:
    """Leave out the tokens that no text of a batch has."""
    tokens, columns = np.unique(bag.indices, return_inverse=True)
    return tokens, sparse.csr_matrix((bag.data, columns, bag.indptr), shape=(bag.shape[0], len(tokens)))


def _loss(
    bag: sparse.csr_matrix, part: Vectors, target: Vectors, projection: Vectors, similarity_weight: float
) -> tuple[float, Vectors]:
    """Loss of one batch, and its gradient by the rows of the table."""
    n = len(target)
    sums = bag @ part
    norms = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
    units = sums / norms
    goal = target @ projection
    goal /= np.linalg.norm(goal, axis=1, keepdims=True)
    cosine = np.einsum("nd,nd->n", units, goal)
    gap = units @ units.T - target @ target.T
    np.fill_diagonal(gap, 0)
    loss = 1 - cosine.mean() + similarity_weight * np.square(gap).mean()
    by_unit = (4 * similarity_weight / n**2) * (gap @ units) - goal / n
    by_sum = (by_unit - np.einsum("nd,nd->n", by_unit, units)[:, None] * units) / norms
    return float(loss), np.asarray(bag.T @ by_sum, dtype=np.float32)
