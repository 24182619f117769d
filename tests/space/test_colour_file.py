import gzip

import pytest

from nearfield.errors import DataError, InvalidInputError
from nearfield.space.colour_file import read_colours


def written(tmp_path, text, name="c.tsv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_the_second_column_colours_and_empty_cells_are_no_value(tmp_path):
    path = written(tmp_path, "word\ttopic\tyear\ncat\tanimals\t1\ncar\t\t2\n寿司\tfood\t\n")
    assert read_colours(path) == ("topic", {"cat": "animals", "寿司": "food"})
    assert read_colours(path, column="year") == ("year", {"cat": 1.0, "car": 2.0})


def test_commas_and_compression_are_understood(tmp_path):
    path = written(tmp_path, 'k,v\n"a, b",x\n', "c.csv")
    assert read_colours(path) == ("v", {"a, b": "x"})
    (tmp_path / "c.tsv.gz").write_bytes(gzip.compress(b"k\tv\na\t1e3\nb\t-2\n"))
    assert read_colours(tmp_path / "c.tsv.gz") == ("v", {"a": 1000.0, "b": -2.0})


def test_numbers_among_words_or_without_end_are_words(tmp_path):
    assert read_colours(written(tmp_path, "k\tv\na\t1\nb\tnan\n"))[1] == {"a": "1", "b": "nan"}
    assert read_colours(written(tmp_path, "k\tv\na\t1\nb\tx\n"))[1] == {"a": "1", "b": "x"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no values to colour by"),
        ("k\tv\n", "holds no values to colour by"),
        ("k\tv\na\t\n", "holds no values to colour by"),
        ("k\na\n", "c.tsv:1: needs a column of keys and one of values, found only 'k'"),
        ("k\tv\na\tx\na\ty\n", "c.tsv:3: the key 'a' stands twice"),
        ("k\tv\na\tx\ty\n", "c.tsv:2: the header has 2 cells"),
    ],
)
def test_tables_that_cannot_be_used_are_told(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_colours(written(tmp_path, text))


def test_an_unknown_column_names_those_there_are(tmp_path):
    with pytest.raises(InvalidInputError, match="has no column 'size'; it has k, v"):
        read_colours(written(tmp_path, "k\tv\na\tx\n"), column="size")
