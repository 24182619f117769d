"""Spaces that several files of tests use."""

import numpy as np
import pytest

import nearfield as nf


@pytest.fixture
def words():
    vectors = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    keys = [f"w{number}" for number in range(38)] + ["naïve", "東京"]
    return nf.Space(keys, vectors, counts=np.arange(40)[::-1])
