"""How vectors spread over directions: their moments, principal directions, and how many directions that really takes.

References:
    Roy & Vetterli (2007), "The effective rank: a measure of effective dimensionality", EUSIPCO;
    Gao & Ganguli (2015), doi:10.1016/j.conb.2015.04.003 (participation ratio).
"""

import numpy as np

from nearfield.arrays import Scores, Vectors, row_blocks


def second_moments(matrix: Vectors, *, centred: bool) -> tuple[Scores, Scores]:
    """Measure how dimensions vary together.

    Args:
        matrix: `(n, d)` float32, at least one row.
        centred: Whether around the mean; else around zero.

    Returns:
        What was taken off, `(d,)` float64, and the mean outer product of what was left, `(d, d)` float64.
    """
    mean = matrix.mean(axis=0, dtype=np.float64) if centred else np.zeros(matrix.shape[1])
    moments = np.zeros((matrix.shape[1], matrix.shape[1]))
    for block in row_blocks(matrix):
        rows = matrix[block] - mean
        moments += rows.T @ rows
    return mean, moments / len(matrix)


def principal_directions(moments: Scores) -> tuple[Scores, Scores]:
    """Find the directions of largest moments.

    Args:
        moments: `(d, d)` float64, symmetric.

    Returns:
        The moments along the directions, `(d,)` float64, largest first, none below zero; and the directions, as the
        columns of a `(d, d)` orthogonal matrix, each with its largest weight positive.
    """
    values, vectors = np.linalg.eigh(moments)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    heaviest = np.abs(vectors).argmax(axis=0)
    return values, vectors * np.sign(vectors[heaviest, np.arange(len(values))])


def effective_rank(variances: Scores) -> float:
    """Count directions by the entropy of the singular values.

    Args:
        variances: `(d,)` eigenvalues of the covariance, none below zero; their roots are the singular values, up to a
            factor that does not matter.

    Returns:
        From 1 to `d`: `d` if all directions vary equally. NaN if nothing varies.
    """
    singular = np.sqrt(variances)
    if not singular.any():
        return float("nan")
    shares = singular[singular > 0] / singular.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def participation_ratio(variances: Scores) -> float:
    """Count directions by the square of the sum of variances over the sum of their squares.

    Args:
        variances: `(d,)` eigenvalues of the covariance, none below zero.

    Returns:
        From 1 to `d`, at most the effective rank in practice, since it counts variances and not their roots. NaN if
        nothing varies.
    """
    if not variances.any():
        return float("nan")
    shares = variances / variances.max()
    return float(shares.sum() ** 2 / (shares**2).sum())
