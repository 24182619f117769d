"""`--dry-run`: what a service will ask for encoding, told without a key, a network or a collection."""

import json

import numpy as np
import pytest
from bundled_howto import CORPUS, JUDGED, strict_json
from hash_encoder import HashEncoder
from misbehaving_server import DIM, KEY, refusing, serving, vector_of, well

from nearfield.encoders.api_batches import estimate_tokens
from nearfield.encoders.api_models import PRICES_READ

SMALL = "openai:text-embedding-3-small"
TOKENS = sum(estimate_tokens(text) for text in ("Replace the worn washer.", "Patch the inner tube."))


@pytest.fixture
def two(tmp_path):
    path = tmp_path / "two.jsonl"
    path.write_text('{"_id": "a", "text": "Replace the worn washer."}\n{"_id": "b", "text": "Patch the inner tube."}\n')
    return path


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def _hashed(monkeypatch):
    """Every other name is an encoder on this machine that knows nothing of its weights."""
    from nearfield.encoders.load import load_encoder

    monkeypatch.setattr(
        "nearfield.load_encoder",
        lambda name: load_encoder(name) if ":" in name else HashEncoder(),
        raising=False,
    )


def test_encode_tells_the_tokens_and_the_cost(cli, two):
    shown = cli("encode", SMALL, two, "--dry-run").stdout.splitlines()
    assert shown == [
        f"{SMALL}: texts: 2, tokens: about {TOKENS}, requests: 1, cost: less than a cent",
        f"tokens are estimated, mostly too high; list prices read on {PRICES_READ} may have changed; vectors "
        "already in the cache cost nothing",
    ]
    queries = cli("encode", "gemini:gemini-embedding-2", "--text", "a tap", "--role", "query", "--dry-run").stdout
    assert f"tokens: about {estimate_tokens('task: search result | query: a tap')}, requests: 1" in queries


def test_index_tells_the_cost_and_makes_nothing(cli, two, tmp_path):
    result = cli("index", two, "--to", tmp_path / "made", "-e", f"hybrid:{SMALL}", "--dry-run", "--json")
    assert strict_json(result.stdout) == {
        "estimates": {
            SMALL: {"texts": 2, "tokens": TOKENS, "dollars": pytest.approx(TOKENS * 0.02 / 1e6), "requests": 1}
        },
        "prices_read": PRICES_READ,
    }
    assert not (tmp_path / "made").exists()


@pytest.mark.usefixtures("_hashed")
def test_compare_tells_the_cost_of_each_encoder_once(cli):
    names = ("bm25", SMALL, f"bm25+{SMALL}", "openai:own-model", "hash")
    options = [option for name in names for option in ("-e", name)]
    shown = cli("compare", CORPUS, *JUDGED, *options, "--dry-run").stdout.splitlines()
    assert [line.partition(": ")[0] for line in shown[:-1]] == [SMALL, "openai:own-model", "hash"]
    assert all("texts: 64, " in line for line in shown[:-1])  # 44 notes and 20 queries
    assert shown[1].endswith("requests: 2, cost: not known")
    assert shown[2].endswith("requests: 0, cost: not known")


def test_words_cost_nothing(cli, two, tmp_path):
    shown = cli("index", two, "--to", tmp_path / "made", "-e", "bm25", "--dry-run").stdout
    assert shown == "nothing to encode: no encoder is asked for\n"


def test_larger_sums_are_told_in_cents(cli, tmp_path):
    (tmp_path / "long.jsonl").write_text(json.dumps({"_id": "a", "text": "abc" * 10_000_000}))
    shown = cli("encode", "openai:text-embedding-3-large", tmp_path / "long.jsonl", "--dry-run").stdout
    assert "tokens: about 10,000,000, requests: 1, cost: about $1.30\n" in shown


@pytest.mark.usefixtures("_hashed")
def test_an_encoder_on_this_machine_is_free(cli, two, monkeypatch):
    monkeypatch.setattr(HashEncoder, "weights_bytes", 1)
    assert cli("encode", "hash", two, "--dry-run").stdout == (
        "hash: texts: 2, tokens: 8, on this machine at no charge\n"
    )


@pytest.mark.parametrize("options", ["precision=int8", "on_overflow=error", "precision=int8,on_overflow=error"])
def test_the_cost_is_told_whatever_is_done_to_the_vectors(cli, two, tmp_path, options):
    shown = cli("encode", f"{SMALL}@{options}", two, "--dry-run").stdout
    assert f": texts: 2, tokens: about {TOKENS}, requests: 1, cost: less than a cent" in shown
    command = ("index", two, "--to", tmp_path / "made", "-e", f"openai:own-model@{options}", "--dry-run")
    assert f": texts: 2, tokens: about {TOKENS}, requests: 1, cost: not known" in cli(*command).stdout
    shown = cli("encode", f"openai:own-model@{options}", two, "--role", "query", "--dry-run").stdout
    assert "requests: 1, cost: not known" in shown


@pytest.mark.parametrize(
    "options", ["", ",precision=binary", ",on_overflow=error", ",precision=binary,on_overflow=error"]
)
def test_encode_goes_on_where_a_service_failed(cli, tmp_path, monkeypatch, options):
    corpus = tmp_path / "many.jsonl"
    corpus.write_text("".join(json.dumps({"_id": str(n), "text": f"text {n}"}) + "\n" for n in range(300)))
    name = f"{SMALL}@dim={DIM}{options}"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        server.script = [well, refusing(400, f"no, {KEY}"), well]
        failed = cli("encode", name, corpus, code=1)
        assert failed.stderr.startswith("error: openai:text-embedding-3-small failed (HTTP 400: no, [key])")
        asked = sum(len(texts) for texts in server.texts)
        server.asked.clear()
        lines = cli("encode", name, corpus).stdout.splitlines()
        assert sum(len(texts) for texts in server.texts) < asked
        vector = vector_of("text 7")
        if "binary" in options:
            vector = np.where(vector > 0, 1, -1).astype(np.float32) / np.float32(np.sqrt(DIM))
        assert json.loads(lines[7]) == {"id": "7", "vector": vector.tolist()}
        server.asked.clear()
        cli("encode", name, corpus, "--no-cache")
        assert sum(len(texts) for texts in server.texts) == 300


def test_a_collection_is_built_and_searched_with_a_service(cli, two, tmp_path, monkeypatch):
    name = f"{SMALL}@dim={DIM}"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        cli("index", two, "--to", tmp_path / "made", "-e", f"hybrid:{name}")
        found = cli("search", tmp_path / "made", "a worn washer", "--json").stdout
        assert len(strict_json(found)) > 0
        assert KEY not in (tmp_path / "made" / "manifest.json").read_text()
        server.usual = refusing(401)
        failed = cli("search", tmp_path / "made", "a worn washer", code=1)
        assert "refused the key" in failed.stderr
