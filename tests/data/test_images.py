"""Images as records: opened with care, read from folders and tables."""

import builtins
import contextlib
import io
import json
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from nearfield.data import images
from nearfield.data.beir import Dataset, write_beir
from nearfield.data.corpus import read_corpus
from nearfield.data.images import Image
from nearfield.data.judgements import Judgements, read_queries
from nearfield.data.records import Record
from nearfield.errors import DataError, InvalidInputError, MissingExtraError


def encoded(picture, form="PNG", **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def noise(width=20, height=10, seed=0):
    return Pillow.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


PNG = encoded(noise())


def header(width, height):
    """The beginning of a PNG that claims a size."""
    claim = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + claim + struct.pack(">I", zlib.crc32(claim)) + b"\0\0\0\0IDAT"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "red" / ".hidden").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "red/tap.webp", ".c.png", "red/.hidden/d.png"):
        noise(seed=len(name)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_an_image_is_decoded_to_rgb_by_path_or_bytes(tmp_path, form):
    content = encoded(noise(), form)
    (tmp_path / "image").write_bytes(content)
    for source in (content, tmp_path / "image", str(tmp_path / "image")):
        found = Image(source).open()
        assert (found.mode, found.size) == ("RGB", (20, 10))
        np.testing.assert_array_equal(found, Pillow.open(io.BytesIO(content)).convert("RGB"))


def test_exif_orientation_is_heeded():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned = Image(encoded(noise(), exif=exif)).open()
    np.testing.assert_array_equal(turned, np.rot90(noise(), k=-1))


def test_what_is_transparent_lies_on_white():
    picture = noise().convert("RGBA")
    picture.putalpha(0)
    picture.putpixel((3, 4), (10, 20, 30, 255))
    found = np.asarray(Image(encoded(picture)).open())
    assert found[4, 3].tolist() == [10, 20, 30]
    assert (found == 255).sum() >= 3 * (200 - 1)
    palette = Pillow.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 9, 9, 9])
    palette.putdata([0, 1])
    found = np.asarray(Image(encoded(palette, transparency=0)).open())
    assert found.tolist() == [[[255] * 3, [9] * 3]]


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_other_colour_modes_become_rgb(mode):
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert Image(encoded(noise().convert(mode), form)).open().mode == "RGB"


def test_sixteen_bits_of_grey_are_refused_rather_than_cut_off():
    with pytest.raises(DataError, match="greyscale image of 16 bits"):
        Image(encoded(Pillow.fromarray(np.full((4, 4), 40_000, np.uint16)))).open()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image at all", "not a PNG, JPEG or WebP image"),
        (encoded(noise(), "BMP"), "not a PNG, JPEG or WebP image"),
        (PNG[:200], "a damaged image"),
        (encoded(noise(200, 200), "JPEG")[:2000], "a damaged image"),
        (PNG[:80] + b"xx" + PNG[82:], "a damaged image"),
        (header(8000, 8001), r"has 64,008,000 pixels, at most 64,000,000 are decoded"),
        (header(20_000, 20_000), "has far more pixels"),
    ],
)
def test_an_image_that_cannot_be_used_is_named(tmp_path, content, message):
    (tmp_path / "tap.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"tap\.png: .*{message}"):
        Image(tmp_path / "tap.png").open()
    with pytest.raises(DataError, match=f"image given as bytes: .*{message}"):
        Image(content).open()


def test_a_size_is_judged_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 199)
    monkeypatch.setattr(Pillow.Image, "load", lambda image: pytest.fail("decoded"))
    for method in (Image(PNG).open, Image(PNG).check):
        with pytest.raises(DataError, match="has 200 pixels, at most 199"):
            method()


def test_the_header_alone_is_looked_at_by_check(tmp_path):
    Image(PNG[:200]).check()
    with pytest.raises(DataError, match=r"absent\.png: no such image file"):
        Image(tmp_path / "absent.png").check()
    with pytest.raises(DataError, match="cannot be read: "):
        Image(tmp_path).check()
    with pytest.raises(DataError, match="cannot be read: embedded null"):
        Image("a\0b").check()


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damage that does not keep it from decoding
@given(st.integers(0, len(PNG) - 1), st.integers(0, 255), st.sampled_from(["PNG", "JPEG", "WEBP"]))
def test_a_damaged_byte_gives_an_image_or_a_data_error(place, value, form):
    content = bytearray(encoded(noise(), form))
    content[place % len(content)] = value
    with contextlib.suppress(DataError):
        assert Image(bytes(content)).open().mode == "RGB"


@pytest.mark.parametrize("source", [None, 3, "", b"", noise()])
def test_what_can_be_no_image_is_refused(source):
    with pytest.raises(InvalidInputError, match="an image must be the path or the bytes"):
        Image(source)


def test_an_image_knows_its_content_and_its_place(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    assert Image("a.png").digest == Image(PNG).digest != Image(PNG + b"x").digest
    assert (Image("a.png").path, Image(PNG).path) == (str(tmp_path / "a.png"), "")
    assert (repr(Image("a.png")), repr(Image(b"abc"))) == ("Image('a.png')", "Image(<3 bytes>)")


def test_without_pillow_the_install_command_is_given(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name == "PIL":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[image\]'"):
        Image(PNG).open()


def test_a_records_digest_covers_its_image_and_stays_as_it_was_without_one(tmp_path):
    assert Record("1", "tap", "t", {"a": 1}).digest == "5a69289653258e947dccda4263b4db9f"
    (tmp_path / "a.png").write_bytes(PNG)
    record = Record("1", "tap", image=Image(tmp_path / "a.png"))
    before = record.digest
    assert before != Record("1", "tap").digest
    (tmp_path / "b.png").write_bytes(PNG)
    assert Record("1", "tap", image=Image(tmp_path / "b.png")).digest != before
    (tmp_path / "a.png").write_bytes(encoded(noise(seed=1)))
    assert record.digest != before


def test_a_folder_of_images_is_a_corpus_of_their_paths(folder):
    corpus = read_corpus(folder)
    assert [record.id for record in corpus] == ["a.JPG", "b.png", "red/tap.webp"]
    assert [record.image.path for record in corpus] == [str(folder / record.id) for record in corpus]
    assert {record.content for record in corpus} == {""}


def test_a_folder_with_a_corpus_file_stays_a_beir_folder(folder):
    (folder / "corpus.jsonl").write_text('{"_id": "1", "text": "a tap"}\n')
    assert [record.id for record in read_corpus(folder)] == ["1"]
    with pytest.raises(DataError, match=r"has no queries\.jsonl"):
        read_queries(folder)


def test_records_name_their_images_relative_to_the_file(folder, tmp_path):
    rows = [{"id": 1, "image": "b.png", "title": "a tap", "year": 2020}, {"id": 2, "image": "red/tap.webp"}]
    (folder / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, second = read_corpus(folder / "c.jsonl")
    assert (first.content, first.meta, first.image.path) == ("a tap", {"year": 2020}, str(folder / "b.png"))
    assert (second.content, second.image.path) == ("", str(folder / "red/tap.webp"))
    (folder / "c.csv").write_text("id,image\n1,b.png\n")
    assert [record.image.path for record in read_corpus(folder / "c.csv")] == [str(folder / "b.png")]


def test_frames_and_mappings_hold_paths_bytes_or_images(folder, monkeypatch):
    monkeypatch.chdir(folder)
    frame = pd.DataFrame({"id": ["1"], "image": ["b.png"]})
    assert [record.image.path for record in read_corpus(frame)] == [str(folder / "b.png")]
    rows = [{"id": "1", "image": PNG}, {"id": "2", "image": Image(PNG)}, {"id": "3", "image": folder / "b.png"}]
    assert [record.image.open().size for record in read_corpus(rows)] == [(20, 10)] * 3
    assert [record.image for record in read_corpus([Record("1", "", image=Image(PNG))])] == [Image(PNG)]


def test_beside_a_text_an_image_field_is_metadata_unless_it_is_named(folder, monkeypatch):
    monkeypatch.chdir(folder)
    rows = [{"id": "1", "text": "a tap", "image": "b.png"}, {"id": "2", "text": "no image"}]
    first, _ = read_corpus(rows)
    assert (first.image, first.meta) == (None, {"image": "b.png"})
    first, second = read_corpus(rows, image_field="image")
    assert (first.image.path, first.text, first.meta) == (str(folder / "b.png"), "a tap", {})
    assert (second.image, second.text) == (None, "no image")
    renamed = [{"id": "1", "photo": "b.png", "note": "x"}]
    assert [record.meta for record in read_corpus(renamed, image_field="photo")] == [{"note": "x"}]
    with pytest.raises(DataError, match="no record has a field 'picture'"):
        list(read_corpus(rows, image_field="picture"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image": "absent.png"}, r"corpus:1: image of '1': .*absent\.png: no such image file"),
        ({"image": "notes.txt"}, r"notes\.txt: not a PNG"),
        ({"image": "https://example.org/a.png"}, "image must be the path of a file, got 'https.*download it first"),
        ({"image": 3}, "image must be the path, the bytes or an Image of a PNG, JPEG or WebP file, got int 3"),
        ({"image": None}, "text of '1' is empty, and so is its title"),
    ],
)
def test_a_record_whose_image_cannot_be_used_is_named(folder, monkeypatch, row, message):
    monkeypatch.chdir(folder)
    with pytest.raises(DataError, match=message):
        list(read_corpus([{"id": "1"} | row]))
    corpus = read_corpus([{"id": "1"} | row, {"id": "2", "image": "b.png"}], skip_bad=True)
    assert [record.id for record in corpus] == ["2"]
    assert corpus.skipped.count == 1


def test_a_damaged_image_is_left_out_with_the_bad_records(folder):
    (folder / "b.png").write_bytes(PNG[:200])
    assert len(list(read_corpus(folder))) == 3  # its header is fine
    corpus = read_corpus(folder, skip_bad=True)
    assert [record.id for record in corpus] == ["a.JPG", "red/tap.webp"]
    assert "a damaged image" in corpus.skipped.problems[0]


def test_a_beir_folder_cannot_hold_images(folder, tmp_path):
    dataset = Dataset(read_corpus(folder), Judgements({}, {}), "photos")
    with pytest.raises(DataError, match=r"record 'a\.JPG' has an image, which a BEIR folder cannot hold"):
        write_beir(dataset, tmp_path / "beir")


def test_queries_are_texts(tmp_path):
    (tmp_path / "q.jsonl").write_text('{"id": "1", "image": "a.png"}\n')
    with pytest.raises(DataError, match="no field 'text' or 'query' for the text"):
        read_queries(tmp_path / "q.jsonl")
