"""Files that hold a whole matrix: .npy, .safetensors, parquet."""

import json
import struct

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from safetensors.numpy import load_file, save_file

import nearfield as nf
from nearfield.errors import DataError

KEYS = ["a", "b", "c"]
VECTORS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def scaled(*factors):
    return VECTORS * np.array(factors, np.float32)[:, None]


def save_npy(folder, vectors=VECTORS, keys="a\nb\nc\n"):
    np.save(folder / "v.npy", vectors)
    if keys is not None:
        (folder / "v.keys.txt").write_bytes(keys.encode() if isinstance(keys, str) else keys)
    return folder / "v.npy"


def save_parquet(folder, **columns):
    parquet.write_table(pa.table(columns), folder / "v.parquet")
    return folder / "v.parquet"


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def test_npy_and_safetensors_stay_on_the_disk(tmp_path):
    nf.write_space(nf.Space(KEYS, VECTORS), tmp_path / "v.safetensors")
    for path in (save_npy(tmp_path), tmp_path / "v.safetensors"):
        space = nf.load_space(path)
        assert is_mapped(space.vectors)
        np.testing.assert_array_equal(space["b"], [3, 4])
        assert list(nf.load_space(path, limit=2).keys) == ["a", "b"]
        assert not space.vectors.flags.writeable


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, ">f4"])
def test_npy_of_other_numbers_becomes_float32(tmp_path, dtype):
    space = nf.load_space(save_npy(tmp_path, VECTORS.astype(dtype)))
    assert space.vectors.dtype == np.float32
    np.testing.assert_array_equal(space.vectors, VECTORS)


def test_keys_are_given_or_in_another_file(tmp_path):
    path = save_npy(tmp_path, keys=None)
    assert list(nf.load_space(path, keys=["x", "y", "z"]).keys) == ["x", "y", "z"]
    (tmp_path / "names").write_bytes("\ufeffx\r\ny\r\nz".encode())
    assert list(nf.load_space(path, keys=tmp_path / "names").keys) == ["x", "y", "z"]
    assert list(nf.load_space(path, keys=str(tmp_path / "names")).keys) == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("vectors", "keys", "message"),
    [
        (VECTORS, None, r"v\.npy: has no keys: give `keys`, or put them into v\.keys\.txt, a key a line"),
        (VECTORS, "a\nb\n", r"v\.npy: has 3 rows, and there are 2 keys"),
        (VECTORS, b"a\n\xff\nc\n", r"v\.keys\.txt:2: not valid UTF-8: byte 0xff at byte 1"),
        (VECTORS, "a\nb\na\n", r"v\.npy: row 3: 'a' stands at row 1 already"),
        (scaled(1, 0, 1), "a\nb\nc\n", r"v\.npy: row 2: the vector of 'b' is zero"),
        (scaled(1, 1, np.inf), "a\nb\nc\n", r"v\.npy: row 3: the vector of 'c' holds NaN or infinity"),
        (VECTORS.astype(np.float64) * 1e300, "a\nb\nc\n", "row 1: the vector of 'a' holds NaN or infinity"),
        (VECTORS[0], "a\nb\n", r"must hold numbers of shape \(n, d\), got float32 \(2,\)"),
        (VECTORS.astype(str), "a\nb\nc\n", "must hold numbers of shape"),
        (VECTORS[:0], "", "holds no vectors"),
    ],
)
def test_a_bad_npy_is_refused_with_its_row(tmp_path, vectors, keys, message):
    with pytest.raises(DataError, match=message):
        nf.load_space(save_npy(tmp_path, vectors, keys))


def test_bad_rows_of_a_matrix_are_left_out_when_asked(tmp_path):
    path = save_npy(tmp_path, scaled(1, 0, 1))
    space = nf.load_space(path, skip_bad=True)
    assert list(space.keys) == ["a", "c"]
    assert space.about["skipped"]["count"] == 1
    assert list(nf.load_space(path, skip_bad=True, limit=1).keys) == ["a"]
    assert list(nf.load_space(path, limit=1).keys) == ["a"]  # what is beyond the limit is not looked at


def test_a_npy_that_is_cut_short_or_compressed_is_refused(tmp_path):
    path = save_npy(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"cannot be read as \.npy"):
        nf.load_space(path)
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"cannot be read as \.npy"):
        nf.load_space(tmp_path / "o.npy")


def test_a_compressed_file_that_is_read_from_the_disk_is_refused(tmp_path):
    import gzip

    (tmp_path / "v.npy.gz").write_bytes(gzip.compress(save_npy(tmp_path).read_bytes()))
    with pytest.raises(DataError, match="is a compressed npy file, which is read from the disk; decompress it"):
        nf.load_space(tmp_path / "v.npy.gz")


def test_safetensors_is_read_and_written_as_its_own_library_does(tmp_path):
    nf.write_space(nf.Space(KEYS, VECTORS), tmp_path / "ours.safetensors")
    tensors = load_file(tmp_path / "ours.safetensors")
    np.testing.assert_array_equal(tensors["vectors"], VECTORS)
    assert tensors["keys"].tobytes() == b"a\nb\nc\n"
    save_file({"table": VECTORS, "bias": VECTORS[0]}, tmp_path / "other.safetensors", metadata={"by": "us"})
    space = nf.load_space(tmp_path / "other.safetensors", keys=KEYS)
    np.testing.assert_array_equal(space.vectors, VECTORS)


def test_a_tensor_is_named_where_there_are_several(tmp_path):
    path = tmp_path / "two.safetensors"
    save_file({"one": VECTORS, "two": 2 * VECTORS.astype(np.float16)}, path)
    with pytest.raises(DataError, match="has 2 matrices: one, two; say which with `vectors`"):
        nf.load_space(path, keys=KEYS)
    np.testing.assert_array_equal(nf.load_space(path, keys=KEYS, vectors="two").vectors, 2 * VECTORS)
    with pytest.raises(DataError, match="has no tensor 'three'; it has one, two"):
        nf.load_space(path, keys=KEYS, vectors="three")


def tensors_file(path, header, content=b"\0" * 24):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + content)
    return path


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{not json", "the header is damaged"),
        (b'{"a":' + b"[" * 100_000, "the header is damaged"),
        ({"v": {"dtype": "F32", "shape": 5, "data_offsets": [0, 20]}}, "has 0 matrices; say which"),
        (b'{"vectors":{"dtype":"F32","shape":[3,2],"data_offsets":[0,1e400]}}', "is damaged or cut short"),
        ({}, "has 0 matrices; say which"),
        ({"vectors": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 20]}}, "its offsets do not fit its shape"),
        ({"vectors": {"dtype": "F32", "shape": [9, 2], "data_offsets": [0, 72]}}, "is damaged or cut short"),
        ({"vectors": {"dtype": "F8", "shape": [3, 2], "data_offsets": [0, 24]}}, "unknown 'F8'; known are F16"),
        ({"vectors": {"dtype": "F32", "data_offsets": [0, 24]}}, "lacks or has an unknown 'shape'"),
        ({"vectors": {"dtype": "F32", "shape": "x", "data_offsets": [0, 24]}}, "is damaged or cut short"),
        (
            {
                "vectors": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
                "keys": {"dtype": "U8", "shape": [4], "data_offsets": [16, 20]},
            },
            "has 2 rows, and there are 0 keys",
        ),
    ],
)
def test_a_damaged_safetensors_is_refused(tmp_path, header, message):
    with pytest.raises(DataError, match=message):
        nf.load_space(tensors_file(tmp_path / "v.safetensors", header))


def test_a_tensor_of_keys_that_is_not_utf8_is_refused(tmp_path):
    save_file({"vectors": VECTORS, "keys": np.frombuffer(b"\xff\n", np.uint8)}, tmp_path / "v.safetensors")
    with pytest.raises(DataError, match="tensor 'keys' is not valid UTF-8"):
        nf.load_space(tmp_path / "v.safetensors")


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.list_(pa.float64()), pa.list_(pa.float32(), 2), pa.large_list(pa.int64())]
)
def test_parquet_is_read_whatever_its_lists_are(tmp_path, kind):
    path = save_parquet(tmp_path, name=pa.array(KEYS), n=[7, 8, 9], v=pa.array(VECTORS.tolist(), kind))
    space = nf.load_space(path)
    assert list(space.keys) == KEYS
    np.testing.assert_array_equal(space.vectors, VECTORS)
    assert space.counts is None
    assert list(nf.load_space(path, limit=2).keys) == ["a", "b"]


def test_columns_of_parquet_are_named_where_there_are_several(tmp_path):
    lists = pa.array(VECTORS.tolist())
    path = save_parquet(tmp_path, id=KEYS, title=["x", "y", "z"], v=lists, count=[3, 2, 1])
    with pytest.raises(DataError, match=r"has 2 columns of strings \(id, title\); it has id, title, v, count: say"):
        nf.load_space(path)
    with pytest.raises(DataError, match="has 0 columns of strings named 'nothing'"):
        nf.load_space(path, keys="nothing")
    with pytest.raises(DataError, match="give the column's name as `keys`"):
        nf.load_space(path, keys=KEYS)
    with pytest.raises(DataError, match="has 0 columns of lists of numbers named 'id'"):
        nf.load_space(path, keys="id", vectors="id")
    space = nf.load_space(path, keys="title")
    assert list(space.keys) == ["x", "y", "z"]
    np.testing.assert_array_equal(space.counts, [3, 2, 1])


@pytest.mark.parametrize(
    ("keys", "vectors", "message"),
    [
        (["a", None], [[1.0], [2.0]], "row 2: the key or the vector is missing"),
        (["a", "b"], [[1.0], None], "row 2: the key or the vector is missing"),
        (["a", "b"], [[1.0], [2.0, 3.0]], "row 2: the vector has 2 numbers, those before it 1"),
        (["a", "b"], [[1.0], [None]], "row 2: the vector of 'b' holds NaN or infinity"),
        (["a", "a"], [[1.0], [2.0]], "row 2: 'a' stands at row 1 already"),
        ([], pa.array([], pa.list_(pa.float32())), "holds no vectors"),
    ],
)
def test_a_bad_row_of_parquet_is_refused(tmp_path, keys, vectors, message):
    path = save_parquet(tmp_path, key=pa.array(keys, pa.string()), v=vectors)
    with pytest.raises(DataError, match=message):
        nf.load_space(path)


def test_bad_rows_of_parquet_are_left_out_with_their_counts(tmp_path):
    vectors = [[1.0, 0.0], [2.0], [0.0, 0.0], [3.0, 4.0]]
    path = save_parquet(tmp_path, key=["a", "b", "c", "d"], v=vectors, count=[9, 8, 7, 6])
    space = nf.load_space(path, skip_bad=True)
    assert list(space.keys) == ["a", "d"]
    np.testing.assert_array_equal(space.counts, [9, 6])
    assert space.about["skipped"]["count"] == 2


def test_a_damaged_parquet_is_refused(tmp_path):
    (tmp_path / "v.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        nf.load_space(tmp_path / "v.parquet")


def test_a_damaged_parquet_is_a_data_error_wherever_the_damage_is(tmp_path):
    path = save_parquet(tmp_path, key=KEYS, vector=VECTORS.tolist())
    content, refused = path.read_bytes(), 0
    for position in range(4, len(content) - 4, 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x55]) + content[position + 1 :])
        try:
            nf.load_space(path)  # damage in a number or a key goes unseen
        except DataError:
            refused += 1
    assert refused > 10
