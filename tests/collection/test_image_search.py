"""Images in an ordinary collection: found by text and by image, with tiny models of random weights."""

import numpy as np
import pytest
from PIL import Image as Pillow
from tiny_vision import pictures, write_folder

import nearfield as nf
from nearfield.encoders.load import load_encoder
from nearfield.errors import DataError, InvalidInputError, SpaceMismatchError


@pytest.fixture
def photos(tmp_path):
    """A folder of three images."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, image in zip(["a.png", "b.png", "c.png"], pictures(), strict=True):
        (folder / name).write_bytes(image.read())
    return folder


@pytest.fixture(params=["clip", "siglip"])
def both(request, tmp_path):
    return load_encoder(write_folder(tmp_path / request.param, request.param))


@pytest.fixture
def vit(tmp_path):
    return load_encoder(write_folder(tmp_path / "vit", "vit"))


def build(path, corpus, encoder, retriever="seen", **options):
    return nf.build_collection(path, corpus, retriever, encoder=encoder, **options)


def by_cosine(encoder, query, items):
    return np.argsort(-(encoder.encode(list(items.values())) @ encoder.encode([query])[0])).tolist()


def test_texts_and_images_find_images_and_texts(tmp_path, photos, both):
    records = [*nf.read_corpus(photos), nf.Record("note", "w3 w4"), nf.Record("other", "w9")]
    items = {record.id: record.image or record.text for record in records}
    collection, summary = build(tmp_path / "c", records, both)
    with collection:
        assert (summary.written, summary.truncated) == (5, 0)
        for query in ("w1 w2", nf.Image(photos / "b.png"), nf.Image((photos / "c.png").read_bytes())):
            hits = collection.search(query, k=5)
            assert [hit.id for hit in hits] == [list(items)[row] for row in by_cosine(both, query, items)]
        assert collection.search(nf.Image(photos / "b.png"), k=1)[0].id == "b.png"
        assert collection.search("w3 w4", k=1)[0].id == "note"


def test_a_hit_and_a_record_show_the_images_path(tmp_path, photos, vit):
    collection, _ = build(tmp_path / "c", photos, vit)
    with collection:
        hit = collection.search(nf.Image(photos / "a.png"), k=1)[0]
        assert (hit.id, hit.image, hit.text, hit.title) == ("a.png", str(photos / "a.png"), "", "")
        assert collection.get(["b.png"])[0].image.path == str(photos / "b.png")
        assert collection.get(["b.png"])[0].digest == next(r for r in nf.read_corpus(photos) if r.id == "b.png").digest


def test_an_image_given_as_bytes_is_searched_but_not_kept(tmp_path, photos, vit):
    content = (photos / "a.png").read_bytes()
    collection, _ = build(tmp_path / "c", [nf.Record("a", "", image=nf.Image(content))], vit)
    with collection:
        assert collection.search(nf.Image(content))[0].image == ""
        assert collection.get(["a"])[0].image is None
        assert collection.upsert([nf.Record("a", "", image=nf.Image(content))]).unchanged == 1


def test_only_changed_images_are_encoded_again(tmp_path, photos, vit):
    collection, _ = build(tmp_path / "c", photos, vit)
    with collection:
        assert collection.upsert(photos).unchanged == 3
        Pillow.new("RGB", (9, 9), "blue").save(photos / "a.png")
        summary = collection.upsert(photos)
        assert (summary.written, summary.unchanged) == (1, 2)


def test_a_collection_of_images_opens_again_with_its_encoder_only(tmp_path, photos, both, vit):
    build(tmp_path / "c", photos, both)[0].close()
    with nf.Collection.open(tmp_path / "c", encoder=both) as again:
        assert len(again.manifest.canaries) == 5
        assert again.search("w1", k=3)
    with pytest.raises(SpaceMismatchError):
        nf.Collection.open(tmp_path / "c", encoder=vit)


def test_words_find_the_captions_of_images(tmp_path, photos, both):
    records = [
        nf.Record(record.id, "", title=title, image=record.image)
        for record, title in zip(nf.read_corpus(photos), ["w1 w1", "w2", "w3"], strict=True)
    ]
    collection, _ = build(tmp_path / "c", records, both, "hybrid:seen")
    with collection:
        assert set(collection.search("w2", k=3)[0].legs) <= {"bm25", "seen"}
        assert "bm25" in next(hit for hit in collection.search("w2", k=3) if hit.id == "b.png").legs
        by_image = collection.search(nf.Image(photos / "b.png"), k=3)
        assert by_image[0].id == "b.png"  # the words have no part in it
        assert all(set(hit.legs) == {"seen"} for hit in by_image)


def test_the_wrong_kind_of_query_is_refused(tmp_path, photos, vit, encoder):
    collection, _ = build(tmp_path / "c", photos, vit)
    with collection:
        with pytest.raises(InvalidInputError, match="is a text, and this encoder reads images only"):
            collection.search("a tap")
        with pytest.raises(DataError, match=r"absent\.png: no such image file"):
            collection.search(nf.Image(tmp_path / "absent.png"))
    image = nf.Image(photos / "a.png")
    for retriever, given, message in (("bm25", None, "searches by words only"), ("hash", encoder, "reads texts only")):
        collection, _ = build(tmp_path / retriever, [nf.Record("1", "a tap")], given, retriever)
        with collection, pytest.raises(InvalidInputError, match=message):
            collection.search(image)


def test_a_record_without_what_the_encoder_reads_is_named(tmp_path, photos, vit, encoder):
    with pytest.raises(DataError, match=r"record 'a\.png' has an image and no text, and hash reads texts only"):
        build(tmp_path / "c", photos, encoder, "hash")
    with pytest.raises(DataError, match=r"record 'note' has no image, and .* reads images only"):
        build(tmp_path / "d", [nf.Record("note", "a tap")], vit)


def test_a_text_encoder_takes_the_text_of_a_record_with_an_image(tmp_path, photos, encoder):
    record = nf.Record("a", "worn washer", image=nf.Image(photos / "a.png"))
    collection, _ = build(tmp_path / "c", [record], encoder, "hash")
    with collection:
        assert collection.search("worn washer")[0].score == pytest.approx(1)


def test_vectors_of_images_are_kept_by_content(tmp_path, photos, vit, monkeypatch):
    cache = nf.VectorCache(tmp_path / "v.sqlite")
    build(tmp_path / "c", photos, vit, cache=cache)[0].close()
    monkeypatch.setattr(vit, "encode_document", lambda items, *, progress: pytest.fail(f"encoded {items}"))
    (photos / "a.png").rename(photos / "z.png")
    collection, summary = build(tmp_path / "d", photos, vit, cache=cache)
    with collection:
        assert summary.written == 3
    cache.close()
