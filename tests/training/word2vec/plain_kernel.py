"""What a pass over sentences does, in plain loops: word by word, target by target, in float64."""

import numpy as np

MASK = 2**64 - 1


class Draws:
    """The kernel's random numbers."""

    def __init__(self, seed):
        self.state = (seed + 1) * 0x9E3779B97F4A7C15 & MASK

    def bits(self):
        x = self.state
        x ^= x << 13 & MASK
        x ^= x >> 7
        x ^= x << 17 & MASK
        self.state = x
        return x

    def below(self, bound):
        return (self.bits() >> 32) * bound >> 32


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain_pass(sentences, tables, plan, rate, seed):
    """Give the input and output tables after one pass at a constant learning rate."""
    inputs, outputs = tables.inputs.astype(float), tables.outputs.astype(float)
    draws, drawn = Draws(seed), [0] * plan.shared
    for sentence in sentences:
        words = [word for word in sentence if draws.bits() >> 32 <= tables.keep[word]]
        for start in range(0, len(words) if len(words) > 1 else 0, plan.block):
            stop = min(len(words), start + plan.block)
            negatives, drawn = drawn, [_draw(draws, tables) for _ in drawn]
            reach = [1 + draws.below(plan.window) if plan.shrink else plan.window for _ in range(start, stop)]
            contexts = [
                [words[p] for p in range(max(0, c - r), min(len(words), c + r + 1)) if p != c]
                for c, r in zip(range(start, stop), reach, strict=True)
            ]
            _learn_block(words[start:stop], contexts, negatives, tables, plan, rate, inputs, outputs)
    return inputs, outputs


def _draw(draws, tables):
    bits = draws.bits()
    row = (bits >> 32) * len(tables.alias) >> 32
    return row if bits & 0xFFFFFFFF <= tables.alias_keep[row] else int(tables.alias[row])


def _learn_block(centres, contexts, negatives, tables, plan, rate, inputs, outputs):
    old_inputs, old_outputs = inputs.copy(), outputs.copy()
    parts = {word: tables.parts[tables.bounds[word] : tables.bounds[word + 1]] for word in range(len(tables.keep))}

    def vector(word):
        return old_inputs[parts[word]].mean(axis=0)

    for centre, context in zip(centres, contexts, strict=True):
        groups = [[word] for word in context] if plan.skip_gram else [context] if context else []
        for group in groups:
            hidden = np.sum([vector(word) for word in group], axis=0)
            if plan.use_mean:
                hidden = hidden / len(group)
            gradient = np.zeros_like(hidden)
            for row, label, weight in _targets(centre, negatives, tables, plan):
                step = rate * weight * (label - sigmoid(hidden @ old_outputs[row]))
                gradient += step * old_outputs[row]
                outputs[row] += step * hidden
            for word in group:
                inputs[parts[word]] += gradient


def _targets(centre, negatives, tables, plan):
    if plan.longest_path:
        for place in range(tables.path_bounds[centre], tables.path_bounds[centre + 1]):
            yield tables.paths[place], tables.path_labels[place], 1.0
        return
    yield centre, 1.0, 1.0
    for negative in negatives:
        if negative != centre:
            yield negative, 0.0, plan.negative / plan.shared
