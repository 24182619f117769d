"""Groups of keys that point in like directions, with names to tell them by."""

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from nearfield.arrays import normalise
from nearfield.errors import InvalidInputError
from nearfield.files import replace_file
from nearfield.progress import Progress, silent
from nearfield.report.characters import elided, one_line
from nearfield.report.numbers import counted, decimal
from nearfield.report.table import Column, text_table
from nearfield.space.cluster_methods import density_clusters, kmeans_clusters, silhouette
from nearfield.space.keys import Keys, Positions
from nearfield.space.space import Space

ClusterMethod: TypeAlias = Literal["kmeans", "hdbscan"]

_NAMING_KEYS = 3
_LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class Clusters:
    """Keys in groups, numbered from 0, the largest first.

    Attributes:
        keys: The keys, as in the space.
        labels: `(n,)` int64, the number of each key's cluster; -1 for an outlier, which only HDBSCAN leaves.
        names: Of each cluster, made of its most central keys.
        central: The most central keys of each cluster, the nearest to its mean direction first.
        method: How they were found.
        silhouette: Mean over a sample, by cosine and without outliers: near 1 if clusters are dense and apart, 0 if
            they overlap; None where it is not defined, as with one cluster. In spaces of texts 0.1 is common.
        tried: The silhouette of each number of clusters that was tried, if the number was not given.
        reduced_to: Dimensions that the vectors were laid out in first, by UMAP; None if they were not.
    """

    keys: Keys
    labels: Positions
    names: tuple[str, ...]
    central: tuple[tuple[str, ...], ...]
    method: ClusterMethod
    silhouette: float | None
    tried: tuple[tuple[int, float], ...] = ()
    reduced_to: int | None = None

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many keys each cluster has."""
        return tuple(np.bincount(self.labels[self.labels >= 0], minlength=len(self.names)).tolist())

    @property
    def outliers(self) -> int:
        """How many keys are in no cluster."""
        return int(np.count_nonzero(self.labels < 0))

    def members(self, cluster: int) -> list[str]:
        """List the keys of a cluster, in the order of the space; -1 lists the outliers."""
        if not -1 <= cluster < len(self.names):
            raise InvalidInputError(f"clusters are numbered from 0 to {len(self.names) - 1}, got {cluster}")
        return [self.keys[int(row)] for row in np.flatnonzero(self.labels == cluster)]

    def __str__(self) -> str:
        """Lay the clusters out as a table for a terminal."""
        rows = [[str(i), f"{size:,}", name] for i, (size, name) in enumerate(zip(self.sizes, self.names, strict=True))]
        table = text_table([Column("cluster", "right"), Column("keys", "right"), Column("name")], rows)
        return f"{self._headline()}\n\n{table}" if rows else self._headline()

    def _headline(self) -> str:
        said = [f"{counted(len(self.keys), 'key')} in {counted(len(self.names), 'cluster')} by {self.method}"]
        if self.reduced_to is not None:
            said.append(f"laid out in {self.reduced_to} dimensions by UMAP first")
        if self.method == "hdbscan":
            said.append(counted(self.outliers, "outlier"))
        said.append(f"silhouette {decimal(self.silhouette)}")
        return ", ".join(said)

    def to_json(self) -> dict[str, Any]:
        """Give all of it as JSON values; `labels` has a number for each of `keys`."""
        clusters = [
            {"cluster": i, "size": size, "name": name, "central": list(central)}
            for i, (size, name, central) in enumerate(zip(self.sizes, self.names, self.central, strict=True))
        ]
        return {
            "method": self.method,
            "silhouette": self.silhouette,
            "outliers": self.outliers,
            "reduced_to": self.reduced_to,
            "tried": [{"k": k, "silhouette": score} for k, score in self.tried],
            "clusters": clusters,
            "keys": list(self.keys),
            "labels": self.labels.tolist(),
        }

    def save_tsv(self, path: str | os.PathLike[str]) -> None:
        """Write a line for each key: itself, its cluster's name, its number; an outlier's name is empty.

        Args:
            path: The file; an earlier one is replaced.

        Raises:
            StorageError: If the disk refuses.
        """
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(["key", "cluster", "number"])
        names = [*self.names, ""]  # the last is also number -1
        writer.writerows((key, names[label], label) for key, label in zip(self.keys, self.labels.tolist(), strict=True))
        replace_file(Path(path), text.getvalue().encode())


def cluster(
    space: Space,
    *,
    k: int | None = None,
    method: ClusterMethod = "kmeans",
    min_cluster_size: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Clusters:
    """Find groups of keys by the cosine of their vectors.

    `kmeans` puts every key into one of `k` clusters of like width. `hdbscan` finds how many there are, of any shape,
    and leaves out whoever belongs to none; it works where few dimensions make density mean something, so vectors of
    more than 10 are first laid out in 5 by UMAP.

    Without `k`, eight numbers are tried from a quarter to twice the square root of n / 2 (that root taken as 50 at
    most), and the one with the best silhouette is taken. The silhouette alone prefers two clusters or as many as it
    may have in spaces of words and texts, so it decides among numbers of the usual order only.

    Args:
        space: At least one key.
        k: How many clusters, from 1 to n; for `kmeans` only.
        method: `kmeans` or `hdbscan`.
        min_cluster_size: Fewest keys that make a cluster, from 2 to n; for `hdbscan` only. By default a third of the
            square root of n, and at least 5.
        seed: Of all random numbers. The same seed gives the same clusters; with several threads sums of another order
            may move a key that stands between two.
        progress: Told of the steps.

    Returns:
        The clusters.

    Raises:
        InvalidInputError: If there are too few keys, no such method, or an option is out of range or not the
            method's.
        MissingExtraError: If scikit-learn, fast-hdbscan or umap-learn is not installed: the extra `space`.

    References:
        Lloyd (1982), doi:10.1109/TIT.1982.1056489 (k-means; here of vectors scaled to length 1);
        Campello, Moulavi & Sander (2013), doi:10.1007/978-3-642-37456-2_14 (HDBSCAN);
        Rousseeuw (1987), doi:10.1016/0377-0427(87)90125-7 (silhouette).
    """
    if method not in get_args(ClusterMethod):
        raise InvalidInputError(f"method must be one of {', '.join(get_args(ClusterMethod))}, got {method!r}")
    if not 0 <= seed < 2**31:
        raise InvalidInputError(f"seed must be from 0 to {2**31 - 1}, got {seed}")
    tried: tuple[tuple[int, float], ...] = ()
    reduced_to = None
    if method == "kmeans":
        _check_kmeans(len(space), k, min_cluster_size)
        found, tried = kmeans_clusters(space.unit_vectors, k, seed=seed, progress=progress)
    else:
        size = _check_hdbscan(len(space), k, min_cluster_size)
        found, reduced_to = density_clusters(space.unit_vectors, size, seed=seed, progress=progress)
    labels = _largest_first(found)
    central = _central_keys(space, labels)
    return Clusters(
        keys=space.keys,
        labels=labels,
        names=tuple(map(_name, central)),
        central=central,
        method=method,
        silhouette=silhouette(space.unit_vectors, labels, seed=seed),
        tried=tried,
        reduced_to=reduced_to,
    )


def _check_kmeans(n: int, k: int | None, min_cluster_size: int | None) -> None:
    if min_cluster_size is not None:
        raise InvalidInputError("min_cluster_size is for hdbscan; kmeans takes k, the number of clusters")
    if k is None and n < 3:
        raise InvalidInputError(f"choosing the number of clusters needs at least 3 keys, got {n}; give k")
    if k is not None and not 1 <= k <= n:
        raise InvalidInputError(f"k must be from 1 to {n}, as there are {counted(n, 'key')}, got {k}")


def _check_hdbscan(n: int, k: int | None, min_cluster_size: int | None) -> int:
    """Give the size that a cluster must have, if HDBSCAN can be run."""
    if k is not None:
        raise InvalidInputError("hdbscan finds the number of clusters itself; leave k out, or choose kmeans")
    size = max(5, round(n**0.5 / 3)) if min_cluster_size is None else min_cluster_size
    if not 2 <= size <= n:
        raise InvalidInputError(f"min_cluster_size must be from 2 to n, got {size} for {counted(n, 'key')}")
    return size


def _largest_first(found: npt.NDArray[np.integer[Any]]) -> Positions:
    """Number the clusters anew by size, those of equal size by their first key; outliers stay -1."""
    sizes = Counter(found[found >= 0].tolist())  # counts in the order of the keys, which sorting keeps among equals
    number = {-1: -1} | {old: new for new, (old, _) in enumerate(sizes.most_common())}
    return np.array([number[label] for label in found.tolist()], np.int64)


def _central_keys(space: Space, labels: Positions) -> tuple[tuple[str, ...], ...]:
    """List for each cluster the keys nearest to its mean direction, nearest first."""
    found = []
    for number in range(int(labels.max(initial=-1)) + 1):
        rows = np.flatnonzero(labels == number)
        members = space.unit_vectors[rows]
        nearness = members @ normalise(members.mean(axis=0, keepdims=True))[0]
        best = rows[np.argsort(-nearness, kind="stable")[:_NAMING_KEYS]]
        found.append(tuple(space.keys[int(row)] for row in best))
    return tuple(found)


def _name(central: Sequence[str]) -> str:
    """Join as many of the keys as a short line holds, at least one."""
    shown = [elided(one_line(key), _LONGEST_NAME) for key in central]
    while len(", ".join(shown)) > _LONGEST_NAME and len(shown) > 1:
        shown.pop()
    return ", ".join(shown)
