import io
import sys

import pytest

import nearfield as nf
from nearfield.data.files import open_bytes
from nearfield.errors import DataError, InvalidInputError, MissingExtraError

TEXT = b"".join(b"line %d of many\n" % number for number in range(50_000))


@pytest.fixture
def compress():
    return pytest.importorskip("zstandard").ZstdCompressor().compress


def read(path):
    with open_bytes(path) as stream:
        return stream.read()


@pytest.mark.parametrize("parts", [(TEXT,), (TEXT, b"", TEXT[:7], TEXT), (b"",)])
def test_frames_are_read_one_after_the_other(tmp_path, compress, parts):
    (tmp_path / "a.txt.zst").write_bytes(b"".join(map(compress, parts)))
    assert read(tmp_path / "a.txt.zst") == b"".join(parts)
    with open_bytes(tmp_path / "a.txt.zst") as stream:
        assert list(stream) == list(io.BytesIO(b"".join(parts)))


@pytest.mark.parametrize("damage", [slice(0, 9), slice(0, -5), slice(4, None), slice(0, 200)])
def test_a_file_that_is_cut_short_or_damaged_is_refused(tmp_path, compress, damage):
    path = tmp_path / "a.txt.zst"
    path.write_bytes(compress(TEXT)[damage])
    with pytest.raises(DataError, match=r"a\.txt\.zst: damaged or not \.zst at all"):
        read(path)


def test_word_vectors_are_trained_on_and_opened_from_it_and_not_written(tmp_path, compress):
    (tmp_path / "a.vec.zst").write_bytes(compress(b"2 3\na 1 2 3\nb 4 5 6\n"))
    space = nf.load_space(tmp_path / "a.vec.zst")
    assert space["b"].tolist() == [4, 5, 6]
    with pytest.raises(InvalidInputError, match=r"\.zst files are only read"):
        nf.write_space(space, tmp_path / "b.vec.zst")


def test_without_zstandard_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "a.txt.zst").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[train\]'"):
        read(tmp_path / "a.txt.zst")
