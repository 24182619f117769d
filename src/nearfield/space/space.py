"""An immutable matrix with a key for each row, and what is asked of it most: how near, and what is nearest."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from nearfield.arrays import Metric, Scores, Vectors, as_matrix, normalise, row_norms
from nearfield.errors import InvalidInputError, UnknownKeyError
from nearfield.space.analogies import AnalogyMethod, solve
from nearfield.space.asked import Asked, queries_of, terms_of
from nearfield.space.keys import Keys, Positions
from nearfield.space.nearest import RowSearch
from nearfield.space.neighbours import Neighbour, farthest_from_mean, pair_similarities
from nearfield.space.subwords import Subwords


class Space:
    """Keys and their vectors. Nothing changes a space; what looks like a change returns another one.

    Its attributes have the names of what it is made of; the arrays are read-only.

    Args:
        keys: Unique strings, one for each row; kept as `Keys`.
        vectors: `(n, d)` numbers, finite, no row all zeros; kept as float32.
        subwords: What makes vectors for words that are no key, if anything does.
        counts: `(n,)` how often each key was seen, if known; kept as int64.
        about: Where it came from: JSON values.

    Raises:
        InvalidInputError: If a key stands twice, numbers of keys and rows differ, or a vector is not finite or zero.
    """

    def __init__(
        self,
        keys: Iterable[str],
        vectors: npt.ArrayLike,
        *,
        subwords: Subwords | None = None,
        counts: npt.ArrayLike | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        matrix = as_matrix(vectors)
        self._assign(Keys.of(keys), matrix, subwords, counts, about or {})
        if not self.norms.all():
            key = self.keys[int(np.argmin(self.norms != 0))]
            raise InvalidInputError(f"the vector of {key!r} is zero, so it has no direction; leave it out")

    @classmethod
    def _trusted(
        cls,
        keys: Keys,
        vectors: Vectors,
        *,
        norms: Scores | None = None,
        subwords: Subwords | None = None,
        counts: npt.ArrayLike | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> "Space":
        """Make a space of what was checked before, without reading the vectors."""
        space = cls.__new__(cls)
        space._assign(keys, vectors, subwords, counts, about or {})
        if norms is not None:
            space.__dict__["norms"] = norms
        return space

    def _assign(
        self,
        keys: Keys,
        vectors: Vectors,
        subwords: Subwords | None,
        counts: npt.ArrayLike | None,
        about: Mapping[str, Any],
    ) -> None:
        if len(keys) != len(vectors):
            raise InvalidInputError(f"each key needs one vector, got {len(keys)} keys and {len(vectors)} vectors")
        if subwords is not None and subwords.table.shape[1] != vectors.shape[1]:
            raise InvalidInputError(
                f"n-grams must have the space's {vectors.shape[1]} dimensions, got {subwords.table.shape[1]}"
            )
        self.keys = keys
        self.vectors = _read_only(vectors)
        self.subwords = subwords
        self.counts = None if counts is None else _read_only(np.asarray(counts, np.int64))
        if self.counts is not None and self.counts.shape != (len(keys),):
            raise InvalidInputError(f"counts must have shape ({len(keys)},), got {self.counts.shape}")
        self.about: Mapping[str, Any] = MappingProxyType(dict(about))

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self.vectors.shape[1])

    @cached_property
    def norms(self) -> Scores:
        """`(n,)` float64, the Euclidean length of each vector."""
        return row_norms(self.vectors)

    @cached_property
    def unit_vectors(self) -> Vectors:
        """`(n, d)` float32, the vectors scaled to length 1; made and kept when first asked for."""
        return _read_only(normalise(self.vectors))

    @cached_property
    def _search(self) -> RowSearch:
        return RowSearch(self.vectors, self.norms)

    def __len__(self) -> int:
        """Count the keys."""
        return len(self.keys)

    def __contains__(self, key: object) -> bool:
        """Say whether a string is a key; one that only `subwords` can make a vector for is none."""
        return key in self.keys

    def __getitem__(self, key: str) -> Vectors:
        """Give a key's vector, `(d,)` float32; the same as `vector`."""
        return self.vector(key)

    def __repr__(self) -> str:
        """Say how large it is."""
        return f"Space({len(self):,} keys, {self.dim} dimensions)"

    def vector(self, key: str) -> Vectors:
        """Give the vector of a key, or of an unseen word from its n-grams where the space has subwords.

        Args:
            key: A key, or with subwords any word.

        Returns:
            `(d,)` float32.

        Raises:
            UnknownKeyError: If it is no key and cannot be made; names keys that may have been meant.
        """
        row = self.keys.position(key)
        if row is not None:
            return cast(Vectors, self.vectors[row])
        made = self.subwords.compose(key) if self.subwords is not None else None
        if made is None or not made.any():
            raise UnknownKeyError(self._unknown(key))
        return made

    def vectors_of(self, keys: Sequence[str]) -> Vectors:
        """Give the vectors of several keys, `(len(keys), d)` float32, as `vector` does."""
        if isinstance(keys, str):
            raise InvalidInputError("keys must be a sequence of strings, got one string; write [key]")
        return np.array([self.vector(key) for key in keys], np.float32).reshape(-1, self.dim)

    def positions(self, keys: Sequence[str]) -> Positions:
        """Find the rows of keys.

        Args:
            keys: Keys; no unseen words.

        Returns:
            `(len(keys),)` int64.

        Raises:
            UnknownKeyError: If one is not a key.
        """
        rows = self.keys.positions(keys)
        if len(rows) and rows.min() < 0:
            raise UnknownKeyError(self._unknown(keys[int(np.argmin(rows))]))
        return rows

    def select(self, keys: Sequence[str]) -> "Space":
        """Keep some keys, in the given order; a copy."""
        chosen = Keys.of(keys)
        return self._rows(self.positions(chosen), chosen)

    def first(self, n: int) -> "Space":
        """Keep the first `n` keys, which are the most frequent where the space was trained; a view."""
        if n < 1:
            raise InvalidInputError(f"n must be at least 1, got {n}")
        return self._rows(slice(0, n), self.keys.first(n))

    def with_vectors(self, vectors: npt.ArrayLike, **about: Any) -> "Space":  # noqa: ANN401  # any JSON values
        """Put other vectors to the same keys; without subwords, which belong to the old ones.

        Args:
            vectors: `(n, d')` numbers, as for `Space`.
            **about: What was done, added to `about`.

        Returns:
            The new space.
        """
        return Space(self.keys, vectors, counts=self.counts, about={**self.about, **about})

    def similarity(self, key: str, other: str, *, metric: Metric = "cosine") -> float:
        """Say how similar two keys are: higher is nearer.

        Args:
            key: One key.
            other: The other.
            metric: `cosine` in [-1, 1], `dot`, or `l2`, which gives the negative distance.

        Returns:
            The similarity.

        Raises:
            UnknownKeyError: If one is not known.
            InvalidInputError: If there is no such metric.
        """
        return float(self.similarities([(key, other)], metric=metric)[0])

    def similarities(self, pairs: Sequence[tuple[str, str]], *, metric: Metric = "cosine") -> Scores:
        """Say how similar each of many pairs of keys is, `(len(pairs),)` float64; see `similarity`."""
        one, other = (self.vectors_of([pair[side] for pair in pairs]) for side in (0, 1))
        return pair_similarities(one, other, metric=metric)

    def distance(self, key: str, other: str, *, metric: Metric = "cosine") -> float:
        """Say how far apart two keys are: lower is nearer.

        Args:
            key: One key.
            other: The other.
            metric: `cosine` for 1 less the cosine, `dot` for the negative product, `l2` for the Euclidean distance.

        Returns:
            The distance.

        Raises:
            UnknownKeyError: If one is not known.
            InvalidInputError: If there is no such metric.
        """
        similarity = self.similarity(key, other, metric=metric)
        return 1 - similarity if metric == "cosine" else -similarity

    def most_similar(
        self, positive: Asked = (), negative: Asked = (), *, k: int = 10, method: AnalogyMethod = "3CosAdd"
    ) -> list[Neighbour]:
        """Find the keys nearest to some and farthest from others: neighbours of one key, or an analogy.

        `most_similar("cat")` gives neighbours; `most_similar(["king", "woman"], ["man"])` asks what is to woman as king
        is to man. What was asked with is left out. Among the first keys only: `space.first(30_000).most_similar(...)`.

        Args:
            positive: Keys, or vectors `(d,)` of any length but zero, to be near to.
            negative: Keys or vectors to be far from.
            k: How many to find; fewer if the space has not as many.
            method: `3CosAdd`, `3CosMul` or `PairDirection`; see `nearfield.space.analogies`.

        Returns:
            The nearest, best first; of equal ones, the earlier key first.

        Raises:
            UnknownKeyError: If one is not known.
            InvalidInputError: If nothing is asked, it cancels out, `k` is below 1, or the method does not fit.
        """
        return self._named(*solve(self._search, terms_of(self, positive, negative), k=k, method=method))

    def neighbours_of(
        self, queries: Sequence[str] | Vectors, *, k: int = 10, metric: Metric = "cosine"
    ) -> list[list[Neighbour]]:
        """Find the nearest keys of each of many keys or vectors, much faster than one after the other.

        Args:
            queries: Keys, each of which is left out of its own neighbours; or vectors `(m, d)`.
            k: How many to find for each; fewer if the space has not as many.
            metric: `cosine`, `dot` or `l2`, which scores by the negative distance.

        Returns:
            For each query its nearest keys, best first; of equal ones, the earlier key first.

        Raises:
            UnknownKeyError: If a key is not known.
            InvalidInputError: If `k` is below 1, there is no such metric, or a vector does not fit.
        """
        vectors, own = queries_of(self, queries, metric=metric)
        found = self._search.nearest_to_each(vectors, k=k, metric=metric, excluded=own)
        pairs = zip(found.rows, found.scores, strict=True)
        return [self._named(rows[rows >= 0], scores[rows >= 0]) for rows, scores in pairs]

    def doesnt_match(self, keys: Sequence[str]) -> str:
        """Find the key that fits the others least: the farthest, by cosine, from the mean of their directions.

        Args:
            keys: At least three.

        Returns:
            One of them; of equally far ones the earliest.

        Raises:
            UnknownKeyError: If one is not known.
            InvalidInputError: If there are fewer than three, of which none could be the odd one.
        """
        vectors = self.vectors_of(keys)
        if len(keys) < 3:
            raise InvalidInputError(f"an odd one out needs at least 3 keys, got {len(keys)}")
        return keys[farthest_from_mean(vectors)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a `.space` folder, which opens at once whatever its size; see `nearfield.space.folder`."""
        from nearfield.space.folder import save_space

        save_space(self, path)

    def _rows(self, rows: Positions | slice, keys: Keys) -> "Space":
        return Space._trusted(
            keys,
            self.vectors[rows],
            norms=self.norms[rows],
            subwords=self.subwords,
            counts=None if self.counts is None else self.counts[rows],
            about=self.about,
        )

    def _named(self, rows: Positions, scores: Scores) -> list[Neighbour]:
        pairs = zip(rows.tolist(), scores.tolist(), strict=True)
        return [Neighbour(self.keys[row], score) for row, score in pairs]

    def _unknown(self, key: str) -> str:
        near = self.keys.suggest(key)
        hint = f"near it are: {', '.join(map(repr, near))}" if near else "there is nothing like it"
        return f"{key!r:.80} is not among the {len(self):,} keys; {hint}"


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
