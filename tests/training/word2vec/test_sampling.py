import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nearfield.training.word2vec.sampling import alias_table, huffman_paths, keep_chances

counts_lists = st.lists(st.integers(1, 1000), min_size=2, max_size=40)


@given(counts_lists)
def test_an_alias_table_gives_each_row_its_share(counts):
    weights = np.array(counts, float)
    alias, keep = alias_table(weights)
    chance = (keep.astype(float) + 1) / 2**32
    share = np.bincount(np.arange(len(counts)), chance, len(counts))
    share += np.bincount(alias, 1 - chance, len(counts))
    np.testing.assert_allclose(share / len(counts), weights / weights.sum(), atol=1e-8)


@given(counts_lists)
def test_huffman_paths_are_as_short_as_a_prefix_code_can_be(counts):
    counts = np.array(counts)
    bounds, nodes, labels = huffman_paths(counts)
    codes = {tuple(zip(nodes[a:b], labels[a:b], strict=True)) for a, b in itertools.pairwise(bounds)}
    assert len(codes) == len(counts)
    assert nodes.min() >= 0
    assert nodes.max() == len(counts) - 2
    lengths = np.diff(bounds)
    assert sum(0.5**length for length in lengths) == 1  # Kraft's equality: a full binary tree
    entropy = -(counts / counts.sum() * np.log2(counts / counts.sum())).sum()
    assert entropy - 1e-9 <= (lengths * counts).sum() / counts.sum() < entropy + 1


def test_frequent_words_are_thinned_out_and_rare_ones_kept():
    chances = keep_chances(np.array([900, 99, 1]), 0.01).astype(float) / 2**32
    np.testing.assert_allclose(chances, [np.sqrt(0.01 / 0.9) + 0.01 / 0.9, np.sqrt(0.01 / 0.099) + 0.01 / 0.099, 1])
    assert (keep_chances(np.array([900, 1]), 0) == 2**32 - 1).all()
    assert (keep_chances(np.array([900, 1]), 1e300) == 2**32 - 1).all()
