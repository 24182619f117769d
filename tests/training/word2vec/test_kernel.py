"""The compiled kernel against plain loops, with and without everything that can be chosen."""

import numpy as np
import pytest
from plain_kernel import plain_pass

from nearfield.training.word2vec.kernel import Plan, Tables, train_sentences
from nearfield.training.word2vec.linear_algebra import SIGMOID
from nearfield.training.word2vec.sampling import alias_table, huffman_paths, keep_chances

COUNTS = np.array([40, 25, 12, 9, 6, 5, 3, 2])
SENTENCES = [[0, 1, 0, 2, 3, 0, 1, 4, 5, 0, 6, 7, 1, 2], [5, 5], [3], [1, 0, 7, 2, 2, 4]]


def make_tables(*, hs=False, subwords=False, sample=0.0, dim=5):
    random = np.random.default_rng(3)
    words = len(COUNTS)
    bounds, parts, rows = np.arange(words + 1), np.arange(words), words
    if subwords:  # three rows a word, some shared
        rows = words + 4
        parts = np.array([[w, words + w % 4, words + (w + 1) % 3] for w in range(words)]).ravel()
        bounds = np.arange(words + 1) * 3
    paths = (np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    alias = (np.empty(0, np.int64), np.empty(0, np.uint32))
    if hs:
        paths = huffman_paths(COUNTS)
    else:
        alias = alias_table(COUNTS**0.75)
    return Tables(
        random.normal(size=(rows, dim)).astype(np.float32),
        bounds,
        parts,
        random.normal(size=(words, dim)).astype(np.float32),
        keep_chances(COUNTS, sample),
        *alias,
        *paths,
        SIGMOID,
    )


def make_plan(tables, *, sg=True, block=1, shared=5, window=3, shrink=True, use_mean=True):
    if len(tables.paths):
        return Plan(sg, window, shrink, use_mean, 1, 0, 0.0, int(np.diff(tables.path_bounds).max()))
    return Plan(sg, window, shrink, use_mean, block, shared, 5.0, 0)


@pytest.mark.parametrize(
    ("of_tables", "of_plan"),
    [
        ({}, {}),
        ({}, {"sg": False}),
        ({"hs": True}, {}),
        ({"hs": True}, {"sg": False}),
        ({"subwords": True}, {"block": 4, "shared": 7}),
        ({"subwords": True}, {"sg": False, "block": 4, "shared": 6}),
        ({"sample": 0.05}, {"block": 8, "shared": 9, "shrink": False}),
        ({"dim": 37}, {"sg": False, "block": 8, "shared": 9, "use_mean": False, "window": 2}),
    ],
)
def test_a_pass_does_what_plain_loops_do(of_tables, of_plan):
    tables = make_tables(**of_tables)
    plan = make_plan(tables, **of_plan)
    inputs, outputs = plain_pass(SENTENCES, tables, plan, 0.05, 11)
    ids = np.concatenate(SENTENCES).astype(np.int32)
    ends = np.cumsum([len(sentence) for sentence in SENTENCES])
    loss, weight = train_sentences(ids, ends, tables, plan, 0.05, 0.05, 11)
    assert np.isfinite(loss)
    assert weight > 0
    # The sigmoid is looked up in steps of 1/512.
    np.testing.assert_allclose(tables.inputs, inputs, atol=2e-3)
    np.testing.assert_allclose(tables.outputs, outputs, atol=2e-3)
    assert np.abs(inputs - make_tables(**of_tables).inputs).max() > 0.05


def test_the_loss_of_vectors_that_know_nothing_is_that_of_a_coin():
    tables = make_tables()
    tables.outputs[:] = 0
    ids, ends = np.array([0, 1], np.int32), np.array([2])
    loss, weight = train_sentences(ids, ends, tables, make_plan(tables), 0.0, 0.0, 1)
    assert loss / weight == pytest.approx(np.log(2), rel=1e-6)


def test_the_sigmoid_is_looked_up_to_a_thousandth():
    steps = (np.arange(len(SIGMOID)) + 0.5) / 512 - 8
    np.testing.assert_allclose(SIGMOID, 1 / (1 + np.exp(-steps)), atol=1e-6)
