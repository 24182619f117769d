import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nearfield as nf
from nearfield.space.keys import Keys

LISTED = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), unique=True, max_size=12)
ENDS = st.none() | st.integers(-14, 14)


def mapped(keys: list[str]) -> Keys:
    """Make keys as they come from a folder: nothing is known but bytes, ends and order."""
    made = Keys.of(keys)
    return Keys(made.content, made.ends, made.order)


@given(LISTED, ENDS, ENDS, st.none() | st.sampled_from([1, 2, 3, -1, -2]))
def test_a_slice_lists_what_a_slice_of_a_list_does(listed, start, stop, step):
    assert mapped(listed)[start:stop:step] == listed[start:stop:step]


@given(LISTED, st.integers(0, 14), st.booleans())
def test_the_first_keys_are_found_as_among_all(listed, n, is_mapped):
    first = (mapped(listed) if is_mapped else Keys.of(listed)).first(n)
    assert list(first) == listed[:n]
    assert first == Keys.of(listed[:n])
    np.testing.assert_array_equal(first.order, Keys.of(listed[:n]).order)
    np.testing.assert_array_equal(first.positions(listed), [row if row < n else -1 for row in range(len(listed))])


def test_the_first_keys_of_a_space_on_disk_are_a_view(tmp_path):
    nf.Space(["b", "a", "c"], np.eye(3), counts=[3, 2, 1]).save(tmp_path / "a.space")
    whole = nf.load_space(tmp_path / "a.space")
    first = whole.first(2)
    assert np.shares_memory(first.vectors, whole.vectors)
    assert np.shares_memory(first.keys.content, whole.keys.content)
    assert "_row_of" not in vars(first.keys)  # no dictionary of all keys was made
    assert (list(first.keys), first.counts.tolist(), "c" in first) == (["b", "a"], [3, 2], False)


def test_a_position_beyond_the_last_is_refused():
    with pytest.raises(IndexError):
        Keys.of(["a"])[1]
