"""Images at the command line: a folder of them, an image as the query."""

import json

import numpy as np
import pytest
from tiny_vision import pictures, write_folder

from nearfield.encoders.load import load_encoder


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, image in zip(["a.png", "b.png", "c.png"], pictures(), strict=True):
        (folder / name).write_bytes(image.read())
    return folder


@pytest.fixture(params=["vit", "clip"])
def model(request, tmp_path):
    return write_folder(tmp_path / request.param, request.param)


def test_encode_takes_a_folder_of_images(cli, photos, model, tmp_path):
    result = cli("encode", model, photos, "-o", tmp_path / "v.npz")
    assert "3 vectors of" in result.stderr
    with np.load(tmp_path / "v.npz") as saved:
        assert saved["ids"].tolist() == ["a.png", "b.png", "c.png"]
        assert len(saved["vectors"]) == 3


def test_a_folder_of_images_is_indexed_and_searched_by_image(cli, photos, model, tmp_path):
    assert "3 written" in cli("index", photos, "--to", tmp_path / "c", "-e", model).stdout
    hits = json.loads(cli("search", tmp_path / "c", "--image", photos / "b.png", "--json", "-k", 2).stdout)
    assert [hits[0]["id"], hits[0]["image"], len(hits)] == ["b.png", str(photos / "b.png"), 2]
    shown = cli("search", tmp_path / "c", "--image", photos / "b.png", "-k", 1).stdout
    assert "b.png" in shown.splitlines()[0]
    assert shown.splitlines()[1].strip()


def test_inspect_counts_no_tokens_of_images(cli, photos, model):
    found = json.loads(cli("inspect", model, photos, "--json").stdout)
    assert (found["texts"], found["tokens"]["total"], found["truncated"], found["empty"]) == (3, 0, [], [])


def test_a_dry_run_takes_images(cli, photos, model, tmp_path):
    told = f"{model}: texts: 3, tokens: 0, on this machine at no charge\n"
    for command in (("index", photos, "--to", tmp_path / "c", "-e", model), ("encode", model, photos)):
        assert cli(*command, "--dry-run").stdout == told
    service = ("index", photos, "--to", tmp_path / "c", "-e", "openai:text-embedding-3-small", "--dry-run")
    assert "reads texts only" in cli(*service, code=1).stderr
    assert not (tmp_path / "c").exists()


def test_a_dry_run_of_compare_gives_each_encoder_what_it_reads(cli, photos, tmp_path):
    model = write_folder(tmp_path / "clip", "clip")
    (tmp_path / "q.jsonl").write_text('{"_id": "q", "text": "a tap"}\n')
    (tmp_path / "qrels.tsv").write_text("q\ta.png\t1\n")
    judged = ("--queries", tmp_path / "q.jsonl", "--qrels", tmp_path / "qrels.tsv")
    (query,) = load_encoder(model).inspect(["a tap"], role="query")
    told = f"texts: 4, tokens: {query.tokens}, "
    assert told in cli("compare", photos, *judged, "-e", model, "--dry-run").stdout


def test_a_damaged_image_ends_the_command_or_is_left_out(cli, photos, model, tmp_path):
    (photos / "b.png").write_bytes((photos / "b.png").read_bytes()[:100])
    command = ("encode", model, photos, "-o", tmp_path / "v.jsonl")
    assert "b.png: a damaged image" in cli(*command, code=1).stderr
    assert "skipped 1 bad records" in cli(*command, "--skip-bad").stderr


def test_a_query_is_a_text_or_an_image(cli, photos, tmp_path):
    for arguments in ((), ("tap", "--image", photos / "a.png")):
        assert "give either a QUERY or --image" in cli("search", tmp_path / "c", *arguments, code=2).stderr


def test_a_text_for_an_encoder_of_images_is_refused(cli, tmp_path):
    model = write_folder(tmp_path / "vit", "vit")
    assert "CLIP or SigLIP" in cli("encode", model, "--text", "a tap", code=1).stderr
