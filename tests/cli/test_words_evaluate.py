import json

import pytest

from nearfield.space.space import Space


@pytest.fixture
def spaces(tmp_path):
    axes = {"cat": [1, 0.1, 0], "dog": [1, 0, 0.1], "saw": [0, 1, 0.1], "axe": [0.1, 1, 0]}
    paths = [tmp_path / "one.space", tmp_path / "two.space"]
    for path, sign in zip(paths, (1, -1), strict=True):
        Space(axes, [[x, sign * y, z] for x, y, z in axes.values()], about={"by": "hand"}).save(path)
    return paths


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("cat dog 9\ncat saw 1\nsaw axe 8\ndog axe 2\ncat unicorn 3\n")
    return path


def test_a_space_is_measured_as_a_table_as_json_and_as_a_page(cli, spaces, pairs, tmp_path):
    page = tmp_path / "words.html"
    text = cli("words", "evaluate", spaces[0], "--set", pairs, "--report", page).stdout
    assert text.startswith("one.space: 4 keys, 3 dimensions\n")
    assert "4 of 5 pairs" in text
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    found = json.loads(cli("words", "evaluate", spaces[0], "--set", pairs, "--missing", "zero", "--json").stdout)
    assert found["results"][0]["scores"][0]["items"] == 5
    assert found["protocol"]["missing"] == "zero"


def test_two_spaces_are_compared(cli, spaces, pairs, tmp_path):
    page = tmp_path / "words.html"
    text = cli("words", "evaluate", *spaces, "--set", pairs, "--report", page).stdout
    assert "two.space against one.space, on the 4 keys of all" in text
    assert "tied" in text
    assert "two.space" in page.read_text(encoding="utf-8")


def test_spaces_of_one_name_are_told_apart_by_their_paths(cli, spaces, pairs, tmp_path):
    (tmp_path / "other").mkdir()
    other = spaces[1].rename(tmp_path / "other" / "one.space")
    found = json.loads(cli("words", "evaluate", spaces[0], other, "--set", pairs, "--json").stdout)
    assert found["spaces"] == [str(spaces[0]), str(other)]


def test_what_makes_no_sense_is_refused(cli, spaces, pairs):
    result = cli("words", "evaluate", *spaces, "--vocabulary", 3, code=2)
    assert "leave --missing and --vocabulary out" in result.stderr
    assert "a space is named twice" in cli("words", "evaluate", spaces[0], spaces[0], code=2).stderr
    assert "simlex-999 does not come with" in cli("words", "evaluate", spaces[0], "--set", "simlex-999", code=1).stderr


def test_a_bad_line_of_a_set_is_named(cli, spaces, pairs):
    pairs.write_text("cat dog 9\ncat saw high\n")
    assert (
        "pairs.txt:2: is no pair: 'cat saw high'" in cli("words", "evaluate", spaces[0], "--set", pairs, code=1).stderr
    )


def test_sets_are_listed_with_licence_size_and_place(cli):
    text = cli("words", "sets").stdout
    assert "CC BY 4.0" in text
    assert "https://fh295.github.io/simlex.html" in text
    entries = {entry["name"]: entry for entry in json.loads(cli("words", "sets", "--json").stdout)}
    assert (entries["men"]["bundled"], entries["simlex-999"]["bundled"]) == (True, False)
