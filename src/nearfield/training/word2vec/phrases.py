"""Words that stand together unusually often become one: `new york` is `new_york` from then on.

References:
    Mikolov, Sutskever, Chen, Corrado & Dean (2013), https://arxiv.org/abs/1310.4546, section 4.
"""

from pathlib import Path

import numpy as np

from nearfield.progress import Progress, silent
from nearfield.space.keys import Positions
from nearfield.training.word2vec.shards import Ids, Shards, ShardWriter

_MOST_PAIRS = 20_000_000  # counted at once; beyond, those seen but once are forgotten


def join_phrases(
    shards: Shards, folder: Path, *, name: str, min_count: int, threshold: float, progress: Progress = silent
) -> Shards:
    """Join pairs of words whose score exceeds a threshold, from left to right.

    The score of a pair is (n_ab - min_count) x v / (n_a x n_b), of v distinct words: how much more often the two stand
    together than they would by chance, less what rare words do by chance. It is gensim's default too.

    Args:
        shards: All words.
        folder: Where to write.
        name: What to call the files there.
        min_count: Both words, and the pair, must occur more often.
        threshold: What the score must exceed.
        progress: Told the words that were gone through.

    Returns:
        The shards with the phrases as words of their own, after the others. Phrases of three and four words come of
        doing it again.
    """
    pairs, together = _count_pairs(shards, min_count, progress)
    first, second = np.divmod(pairs, len(shards.words))
    distinct = np.count_nonzero(shards.counts)
    scores = (together - min_count) * distinct / (shards.counts[first].astype(np.float64) * shards.counts[second])
    pairs = pairs[scores > threshold]
    words, number_of = _name(pairs, shards.words)
    counts = np.zeros(len(words), np.int64)
    with ShardWriter(folder, name) as writer:
        for ids, ends in shards.blocks():
            joined, new_ends = _join(ids, ends, pairs, number_of, len(shards.words))
            counts += np.bincount(joined, minlength=len(words))
            writer.write(joined, new_ends)
    return writer.shards(words, counts)


def _count_pairs(shards: Shards, min_count: int, progress: Progress) -> tuple[Positions, Positions]:
    """Count the pairs of frequent neighbours: sorted `first * words + second`, and how often each occurs."""
    pairs, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    done, least = 0, 1
    for ids, ends in shards.blocks():
        frequent = shards.counts[ids] > min_count
        usable = frequent[:-1] & frequent[1:]
        usable[ends[:-1] - 1] = False  # a sentence's last word and the next one's first
        found, times = np.unique(_pair_numbers(ids, len(shards.words))[usable], return_counts=True)
        pairs, places = np.unique(np.concatenate([pairs, found]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([counts, times]), len(pairs)).astype(np.int64)
        if len(pairs) > _MOST_PAIRS:
            kept = counts > least
            pairs, counts, least = pairs[kept], counts[kept], least + 1
        done += len(ids)
        progress("counting phrases", done, len(shards.ids))
    return pairs, counts


def _pair_numbers(ids: Ids, words: int) -> Positions:
    return ids[:-1].astype(np.int64) * words + ids[1:]


def _name(pairs: Positions, words: list[str]) -> tuple[list[str], Positions]:
    """Append the phrases to the words; a phrase that is a word already takes its number."""
    known = {word: number for number, word in enumerate(words)}
    named, numbers = list(words), np.empty(len(pairs), np.int64)
    for i, pair in enumerate(pairs):
        first, second = divmod(int(pair), len(words))
        name = f"{words[first]}_{words[second]}"
        if name not in known:
            known[name] = len(named)
            named.append(name)
        numbers[i] = known[name]
    return named, numbers


def _join(ids: Ids, ends: Positions, pairs: Positions, number_of: Positions, words: int) -> tuple[Positions, Positions]:
    if len(ids) < 2 or not len(pairs):
        return ids.astype(np.int64), ends
    numbers = _pair_numbers(ids, words)
    place = np.minimum(np.searchsorted(pairs, numbers), len(pairs) - 1)
    begins = pairs[place] == numbers
    begins[ends[:-1] - 1] = False
    # Of phrases that overlap, the first, third and so on are taken: those an even distance after the last non-start.
    positions = np.arange(len(begins))
    last_other = np.maximum.accumulate(np.where(begins, -1, positions))
    begins &= (positions - last_other) % 2 == 1
    joined = ids.astype(np.int64)
    joined[:-1][begins] = number_of[place[begins]]
    kept = np.ones(len(ids), bool)
    kept[1:][begins] = False
    return joined[kept], np.concatenate([[0], np.cumsum(kept)])[ends]
