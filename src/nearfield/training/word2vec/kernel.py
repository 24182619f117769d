"""One pass over some sentences: windows, targets, and what is learnt from them.

Centres are taken in blocks of a few that follow each other. Their contexts overlap, so a block has few inputs; each is
composed once, meets the block's targets in one small matrix product, and is written back once. The negatives are
shared by all pairs of the block (Ji et al. 2016 share them within one window): a negative that stands for several
counts for as many. A block of one centre is word2vec's own sampling, with negatives shared by a window.

Which rows the next block needs is drawn one block ahead, and they are fetched meanwhile: waiting for memory would take
longer than all the arithmetic.

References:
    Mikolov, Sutskever, Chen, Corrado & Dean (2013), https://arxiv.org/abs/1310.4546;
    Ji, Satish, Li & Dubey (2016), https://arxiv.org/abs/1611.06172;
    Bojanowski, Grave, Joulin & Mikolov (2017), doi:10.1162/tacl_a_00051.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from nearfield.training.word2vec import linear_algebra as la
from nearfield.training.word2vec import table_rows as tr
from nearfield.training.word2vec.jit import INLINED, KERNEL, Floats, Rows, Table

LONGEST_SENTENCE = 10_000
"""Words of a sentence that a pass can take; corpora cut longer ones."""
_MEASURED_EVERY = 32  # blocks; the loss is for watching only, and costs logarithms


class Tables(NamedTuple):
    """What is learnt, and what does not change while it is learnt.

    Attributes:
        inputs: `(rows, d)` float32: a row for each word, then one for each bucket of n-grams.
        bounds: `(words + 1,)` int64: `parts[bounds[w]:bounds[w + 1]]` are the input rows of word w.
        parts: int64.
        outputs: `(words or inner nodes, d)` float32.
        keep: `(words,)` uint32, the chance of an occurrence to be kept, in 2**32nds less one.
        alias: `(n,)` int64, and
        alias_keep: `(n,)` uint32: the alias table that negatives are drawn from; empty without negatives.
        path_bounds: `(words + 1,)` int64, `paths[path_bounds[w]:path_bounds[w + 1]]` are the inner nodes above w,
        paths: int64, and
        path_labels: float32 what each predicts; empty without hierarchical softmax.
        sigmoid: See `linear_algebra.SIGMOID`.
    """

    inputs: Table
    bounds: Rows
    parts: Rows
    outputs: Table
    keep: npt.NDArray[np.uint32]
    alias: Rows
    alias_keep: npt.NDArray[np.uint32]
    path_bounds: Rows
    paths: Rows
    path_labels: Floats
    sigmoid: Floats


class Plan(NamedTuple):
    """What is learnt from each word.

    Attributes:
        skip_gram: Whether each context word predicts the centre, rather than their mean.
        window: Most words on each side, at least 1.
        shrink: Whether each centre draws its window from 1 to `window`.
        use_mean: Whether CBOW takes the mean of the context, rather than the sum.
        block: Centres that share their negatives, at least 1; 1 without negatives.
        shared: Negatives drawn for each block; 0 for hierarchical softmax.
        negative: Negatives that each pair counts for.
        longest_path: Most inner nodes above a word; 0 without hierarchical softmax.
    """

    skip_gram: bool
    window: int
    shrink: bool
    use_mean: bool
    block: int
    shared: int
    negative: float
    longest_path: int


class _Buffers(NamedTuple):
    inputs: Table  # (r, d)
    input_gradient: Table
    hidden: Table  # the inputs themselves in skip-gram, else (c, d), one for each centre
    hidden_gradient: Table
    targets: Table  # (t, d)
    target_gradient: Table
    pairs: Table  # (r, c): 1 where input i stands in the context of centre j
    shares: Table  # (c, r): how much input j counts in hidden row i of CBOW
    weights: Table  # (r, t): how much hidden row i counts for target j
    scores: Table  # (r, t)
    words: Rows  # (r,)
    rows: Rows  # (t,): rows of the output table, or -1
    labels: Floats  # (t,)
    drawn: Rows  # (shared,): the next block's negatives
    reach: Rows  # (block,)
    sentence: Rows
    state: npt.NDArray[np.uint64]  # (1,) of the random numbers


@njit(**INLINED)
def _round_up(count: int, step: int) -> int:
    return (count + step - 1) // step * step


@njit(**KERNEL)
def _make_buffers(plan: Plan, dim: int, seed: int) -> _Buffers:
    targets = _round_up(max(plan.block + plan.shared, plan.longest_path), la.TARGET_TILE)
    # Either is rows of one product and columns of another.
    inputs = _round_up(plan.block + 2 * plan.window, la.HIDDEN_TILE * la.TARGET_TILE)
    centres = _round_up(plan.block, la.HIDDEN_TILE * la.TARGET_TILE)
    input_rows = np.zeros((inputs, dim), np.float32)
    input_gradient = np.zeros((inputs, dim), np.float32)
    hidden, hidden_gradient = input_rows, input_gradient
    if not plan.skip_gram:
        hidden, hidden_gradient = np.zeros((centres, dim), np.float32), np.zeros((centres, dim), np.float32)
    labels = np.zeros(targets, np.float32)
    labels[: plan.block] = 1
    state = np.empty(1, np.uint64)
    state[0] = (np.uint64(seed) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return _Buffers(
        input_rows,
        input_gradient,
        hidden,
        hidden_gradient,
        np.zeros((targets, dim), np.float32),
        np.zeros((targets, dim), np.float32),
        np.zeros((inputs, centres), np.float32),
        np.zeros((centres, inputs), np.float32),
        np.zeros((max(inputs, centres), targets), np.float32),
        np.zeros((max(inputs, centres), targets), np.float32),
        np.zeros(inputs, np.int64),
        np.full(targets, -1, np.int64),
        labels,
        np.zeros(plan.shared, np.int64),
        np.zeros(plan.block, np.int64),
        np.zeros(LONGEST_SENTENCE, np.int64),
        state,
    )


@njit(**INLINED)
def _random(state: npt.NDArray[np.uint64]) -> np.uint64:
    """Draw 64 random bits: xorshift (Marsaglia 2003)."""
    bits: np.uint64 = state[0]
    bits ^= bits << np.uint64(13)
    bits ^= bits >> np.uint64(7)
    bits ^= bits << np.uint64(17)
    state[0] = bits
    return bits


@njit(**INLINED)
def _below(bits: np.uint64, bound: int) -> np.int64:
    """Turn the upper half of random bits into a whole number from 0 to `bound` - 1."""
    return np.int64(((bits >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@njit(**INLINED)
def _subsample(ids: npt.NDArray[np.int32], keep: npt.NDArray[np.uint32], buffers: _Buffers) -> int:
    """Copy a sentence without some occurrences of frequent words; say how many are left."""
    count = 0
    for word in ids:
        if np.uint32(_random(buffers.state) >> np.uint64(32)) <= keep[word]:
            buffers.sentence[count] = word
            count += 1
    return count


@njit(**INLINED)
def _draw_negatives(tables: Tables, plan: Plan, buffers: _Buffers) -> None:
    """Take the negatives that were drawn before, and draw and fetch the next block's."""
    for j in range(plan.shared):
        buffers.rows[plan.block + j] = buffers.drawn[j]
        bits = _random(buffers.state)
        row = _below(bits, len(tables.alias))
        if np.uint32(bits & np.uint64(0xFFFFFFFF)) > tables.alias_keep[row]:
            row = tables.alias[row]
        buffers.drawn[j] = row
        tr.fetch_row(tables.outputs, row)


@njit(**INLINED)
def _fetch_next(tables: Tables, plan: Plan, buffers: _Buffers, start: int, length: int) -> None:
    """Fetch what the block that begins at `start` needs and this one did not."""
    if plan.shared:
        for position in range(start, min(length, start + plan.block)):
            tr.fetch_row(tables.outputs, buffers.sentence[position])
    for position in range(start + plan.window, min(length, start + plan.window + plan.block)):
        tr.fetch_word(tables.inputs, tables.bounds, tables.parts, buffers.sentence[position])


@njit(**INLINED)
def _find_pairs(plan: Plan, buffers: _Buffers, start: int, end: int, length: int) -> int:
    """List the words that stand in a window of the block, and in whose; say how many there are."""
    pairs, window = buffers.pairs, plan.window
    for centre in range(end - start):
        buffers.reach[centre] = 1 + _below(_random(buffers.state), window) if plan.shrink else window
    count = 0
    for position in range(max(0, start - window), min(length, end + window)):
        pairs[count] = 0
        found = False
        for centre in range(max(start, position - window), min(end, position + window + 1)):
            if position != centre and abs(position - centre) <= buffers.reach[centre - start]:
                pairs[count, centre - start] = 1
                found = True
        if found:
            buffers.words[count] = buffers.sentence[position]
            count += 1
    return count


@njit(**INLINED)
def _average_contexts(plan: Plan, buffers: _Buffers, inputs: int, centres: int) -> None:
    """Make the hidden rows of CBOW: the mean of each centre's context, or its sum; clear their gradients."""
    b = buffers
    if inputs % 2:
        b.pairs[inputs] = 0
    b.shares[:] = 0
    for centre in range(centres):
        count = np.float32(0)
        for i in range(inputs):
            count += b.pairs[i, centre]
        share = np.float32(1) / count if plan.use_mean else np.float32(1)
        for i in range(inputs):
            b.shares[centre, i] = b.pairs[i, centre] * share
    b.hidden[:] = 0
    b.hidden_gradient[:] = 0
    la.add_mixture(b.shares, centres, inputs, b.inputs, b.hidden)


@njit(**INLINED)
def _weigh(plan: Plan, buffers: _Buffers, inputs: int, centres: int) -> int:
    """Set how much each hidden row counts for each target; say how many hidden rows there are."""
    pairs, weights, rows = buffers.pairs, buffers.weights, buffers.rows
    share = np.float32(plan.negative / plan.shared)
    hidden = inputs if plan.skip_gram else centres
    first, end = plan.block, plan.block + plan.shared
    for i in range(hidden):
        total = np.float32(0)
        for j in range(first):
            weights[i, j] = pairs[i, j] if plan.skip_gram else np.float32(i == j)
            total += weights[i, j]
        for j in range(first, end):
            weights[i, j] = total * share
    for j in range(first, end):
        for centre in range(centres):
            if rows[centre] == rows[j]:  # what is there is no negative
                for i in range(hidden):
                    weights[i, j] -= weights[i, centre] * share
    return hidden


@njit(**INLINED)
def _follow_path(tables: Tables, plan: Plan, buffers: _Buffers, word: int, inputs: int) -> int:
    """Make the inner nodes above a word the targets; say how many hidden rows there are."""
    first, length = tables.path_bounds[word], tables.path_bounds[word + 1] - tables.path_bounds[word]
    hidden = inputs if plan.skip_gram else 1
    for j in range(len(buffers.rows)):
        buffers.rows[j] = tables.paths[first + j] if j < length else -1
        buffers.labels[j] = tables.path_labels[first + j] if j < length else 0
        for i in range(hidden):
            weight = buffers.pairs[i, 0] if plan.skip_gram else np.float32(1)
            buffers.weights[i, j] = weight if j < length else np.float32(0)
    return hidden


@njit(**INLINED)
def _learn(tables: Tables, buffers: _Buffers, hidden: int, rate: np.float32, measure: bool) -> tuple[float, float]:
    """Move hidden rows' gradients and targets by one step; say the loss and its weight, if it is measured."""
    b, columns = buffers, len(buffers.rows)
    if hidden % 2:
        b.weights[hidden] = 0
        hidden += 1
    tr.load_rows(tables.outputs, b.rows, columns, b.targets, b.target_gradient)
    la.multiply(b.hidden, hidden, b.targets, columns, b.weights, b.scores)
    loss = weight = 0.0
    if measure:
        loss = la.measure_loss(b.scores, hidden, columns, b.weights, b.labels)
        weight = float(b.weights[:hidden, :columns].sum())
    la.scores_to_steps(b.scores, hidden, columns, b.weights, b.labels, rate, tables.sigmoid)
    la.add_gradients(b.hidden, b.hidden_gradient, hidden, b.targets, b.target_gradient, columns, b.weights, b.scores)
    tr.add_to_rows(tables.outputs, b.rows, columns, b.target_gradient)
    return loss, weight


@njit(**INLINED)
def _learn_block(
    tables: Tables, plan: Plan, buffers: _Buffers, inputs: int, start: int, stop: int, rate: np.float32, measure: bool
) -> tuple[float, float]:
    """Learn from the block whose pairs were found; say the loss and its weight, if it is measured."""
    b = buffers
    tr.compose_words(tables.inputs, tables.bounds, tables.parts, b.words, inputs, b.inputs, b.input_gradient)
    if not plan.skip_gram:
        _average_contexts(plan, b, inputs, stop - start)
    if plan.shared:
        for centre in range(plan.block):
            b.rows[centre] = b.sentence[start + centre] if start + centre < stop else -1
        hidden = _weigh(plan, b, inputs, stop - start)
    else:
        hidden = _follow_path(tables, plan, b, b.sentence[start], inputs)
    found: tuple[float, float] = _learn(tables, b, hidden, rate, measure)
    if not plan.skip_gram:
        # Each input gets the whole gradient of the mean it is in, undivided, as word2vec's program does it.
        la.add_mixture(b.pairs, inputs, stop - start, b.hidden_gradient, b.input_gradient)
    tr.add_to_words(tables.inputs, tables.bounds, tables.parts, b.words, inputs, b.input_gradient)
    return found


@njit(**KERNEL)
def train_sentences(
    ids: npt.NDArray[np.int32],
    ends: Rows,
    tables: Tables,
    plan: Plan,
    first_rate: float,
    last_rate: float,
    seed: int,
) -> tuple[float, float]:
    """Learn from some sentences, changing `tables.inputs` and `tables.outputs`.

    Several threads may do so at once on the same tables, without locks (Recht et al. 2011, Hogwild).

    Args:
        ids: `(n,)` int32, the words of all sentences.
        ends: `(sentences,)` int64, where each sentence ends; none longer than `LONGEST_SENTENCE`.
        tables: What is learnt.
        plan: How.
        first_rate: Learning rate of the first sentence; it changes linearly with the words.
        last_rate: That after the last.
        seed: Of the random numbers, at least 0: the same gives the same result, if nobody else changes the tables.

    Returns:
        Loss of a sample of the pairs, added up, and what to divide it by; 0 and 0 if nothing could be learnt.
    """
    buffers = _make_buffers(plan, tables.inputs.shape[1], seed)
    loss = weight = 0.0
    blocks = first = 0
    for end in ends:
        rate = np.float32(first_rate + (last_rate - first_rate) * first / len(ids))
        length = _subsample(ids[first:end], tables.keep, buffers)
        first = end
        if length < 2:
            continue
        for start in range(0, length, plan.block):
            stop = min(length, start + plan.block)
            _draw_negatives(tables, plan, buffers)
            _fetch_next(tables, plan, buffers, stop, length)
            inputs = _find_pairs(plan, buffers, start, stop, length)
            found = _learn_block(tables, plan, buffers, inputs, start, stop, rate, blocks % _MEASURED_EVERY == 0)
            loss, weight, blocks = loss + found[0], weight + found[1], blocks + 1
    return loss, weight
