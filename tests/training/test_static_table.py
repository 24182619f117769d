import numpy as np
import pytest
from scipy import sparse

from nearfield.errors import TrainingError
from nearfield.training.static_table import TableOptions, _loss, fit_table

RNG = np.random.default_rng(0)
DENSE = RNG.integers(0, 3, (12, 7)).astype(np.float32)
DENSE[:, 0] += 1  # no text without tokens
BAG = sparse.csr_matrix(DENSE)
TARGETS = RNG.normal(size=(12, 5)).astype(np.float32)
TARGETS /= np.linalg.norm(TARGETS, axis=1, keepdims=True)
PROJECTION = np.linalg.qr(RNG.normal(size=(5, 4)))[0].astype(np.float32)
TABLE = RNG.normal(size=(7, 4)).astype(np.float32)


def slow_loss(table, weight):
    """Text by text and pair by pair, in float64."""
    n = len(DENSE)
    units, goals = [], []
    for row, target in zip(DENSE, TARGETS, strict=True):
        summed = sum(count * table[token].astype(np.float64) for token, count in enumerate(row))
        goal = target.astype(np.float64) @ PROJECTION
        units.append(summed / np.linalg.norm(summed))
        goals.append(goal / np.linalg.norm(goal))
    loss = sum(1 - unit @ goal for unit, goal in zip(units, goals, strict=True)) / n
    for i in range(n):
        for j in range(n):
            if i != j:
                loss += weight * (units[i] @ units[j] - float(TARGETS[i] @ TARGETS[j])) ** 2 / n**2
    return loss


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_the_loss_and_its_gradient_equal_a_plain_one(weight):
    loss, gradient = _loss(BAG, TABLE, TARGETS, PROJECTION, weight)
    assert loss == pytest.approx(slow_loss(TABLE, weight), rel=1e-4)
    for token in range(7):
        for dimension in range(4):
            step = np.zeros(TABLE.shape)
            step[token, dimension] = 1e-4
            slope = (slow_loss(TABLE + step, weight) - slow_loss(TABLE - step, weight)) / 2e-4
            assert gradient[token, dimension] == pytest.approx(slope, abs=2e-4)


def test_a_table_that_fits_is_found():
    """Targets made by a table are reached again, from another start."""
    rng = np.random.default_rng(1)
    dense = rng.integers(0, 2, (400, 20)).astype(np.float32)
    dense[:, 0] = 1
    made = dense @ rng.normal(size=(20, 6))
    targets = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)
    start = rng.normal(size=(20, 6)).astype(np.float32)
    losses = []
    told = []
    found = fit_table(
        sparse.csr_matrix(dense),
        targets,
        start,
        TableOptions(epochs=250, batch=50, learning_rate=0.1, similarity_weight=10, seed=0),
        projection=np.eye(6, dtype=np.float32),
        progress=lambda *step: told.append(step),
        after_epoch=lambda epoch, table, loss: losses.append(loss),
    )
    vectors = dense @ found
    cosines = np.einsum("nd,nd->n", vectors, targets) / np.linalg.norm(vectors, axis=1)
    assert cosines.min() > 0.99
    assert losses[-1] < 0.02 < losses[0]
    assert told[-1] == ("fitting", 2000, 2000)


def test_the_same_seed_gives_the_same_table_and_rows_never_seen_stay():
    bags = sparse.csr_matrix(np.hstack([DENSE, np.zeros((12, 1), np.float32)]))
    start = np.vstack([TABLE, np.ones((1, 4), np.float32)])
    options = TableOptions(epochs=2, batch=4, learning_rate=0.01, similarity_weight=1, seed=0)
    first, second = (fit_table(bags, TARGETS, start, options, projection=PROJECTION) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first[7].tolist() == [1, 1, 1, 1]
    assert start[0].tolist() == TABLE[0].tolist()


def test_a_loss_that_is_no_number_stops_with_what_to_do():
    targets = TARGETS.copy()
    targets[3, 3] = np.nan
    with pytest.raises(TrainingError, match="the loss became nan in step 1 of 10; try a smaller learning rate"):
        fit_table(BAG, targets, TABLE, TableOptions(10, 12, 0.01, 1.0, 0), projection=PROJECTION)
