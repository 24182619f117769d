"""The API encoder against a service on this machine that misbehaves; no test waits for a wait of the client's."""

import logging
import pickle
import signal
import subprocess
import sys
import threading
import traceback

import numpy as np
import pytest
from misbehaving_server import (
    DIM,
    KEY,
    drip,
    half_a_body,
    hang,
    in_seconds,
    longer_than,
    refusing,
    reset,
    saying,
    serving,
    vector_of,
    well,
    with_items,
)

from nearfield.collection.manifest import Manifest, encode_canaries
from nearfield.encoders.api_options import ServiceOptions
from nearfield.encoders.api_pace import Pace
from nearfield.encoders.base import CANARY_TEXTS, BatchedEncoder
from nearfield.encoders.cache import VectorCache
from nearfield.encoders.cached import CachedEncoder
from nearfield.encoders.innermost import innermost
from nearfield.encoders.load import load_encoder
from nearfield.errors import (
    CapabilityError,
    EncoderError,
    InvalidInputError,
    MissingExtraError,
    ServiceAccessError,
    ServiceError,
    UnknownEncoderError,
)
from nearfield.retrieval.spec import RetrieverSpec
from nearfield.stores.base import StoreConfig

NAME = f"openai:text-embedding-3-small@dim={DIM}"
TEXTS = [f"text {number}" for number in range(300)]  # three requests of at most 128


@pytest.fixture
def server():
    with serving() as server:
        yield server


class Time:
    """Time that passes only where the client waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def wait(self, _stop: threading.Event, seconds: float) -> None:
        if seconds:
            self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch):
    monkeypatch.setattr("nearfield.encoders.api_client.random.random", lambda: 0.5)
    return Time()


@pytest.fixture
def load(server, time, monkeypatch):
    """Load an encoder that asks the server, in the test's own time."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def load(name=NAME, **options):
        options = ServiceOptions(**({"base_url": server.url, "concurrency": 1} | options))
        encoder = load_encoder(name, service=options)
        client = innermost(encoder).client
        client.pace = Pace(
            requests_per_minute=options.requests_per_minute,
            tokens_per_minute=options.tokens_per_minute,
            clock=time.clock,
        )
        client.wait = time.wait
        return encoder

    return load


def expected(texts=TEXTS, dim=DIM):
    return np.array([vector_of(text, dim) for text in texts])


# --- what is asked, and what comes back ---


def test_vectors_come_in_the_order_of_the_texts_and_the_key_and_the_dimensions_are_sent(load, server):
    encoder = load()
    np.testing.assert_array_equal(encoder.encode_document(TEXTS), expected())
    first = server.asked[0]
    assert first.path == "/v1/embeddings"
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.body.keys() == {"model", "input", "encoding_format", "dimensions"}
    assert (first.body["model"], first.body["dimensions"]) == ("text-embedding-3-small", DIM)
    assert first.body["encoding_format"] == "base64"
    assert server.texts == [TEXTS[:128], TEXTS[128:256], TEXTS[256:]]


def test_vectors_have_the_shape_and_type_of_every_encoder(load):
    vectors = load().encode_query(["é", "漏水"])
    assert (vectors.shape, vectors.dtype, vectors.flags.c_contiguous) == ((2, DIM), np.float32, True)
    assert load().encode([]).shape == (0, DIM)


def test_a_server_that_ignores_base64_is_understood(load, server):
    server.usual = with_items(
        lambda found: [{"index": item["index"], "embedding": [float(item["index"])] * DIM} for item in found]
    )
    np.testing.assert_array_equal(load().encode(["a", "b"]), [[0] * DIM, [1] * DIM])


def test_vectors_are_put_in_order_by_their_index(load, server):
    server.usual = with_items(lambda found: found[::-1])
    np.testing.assert_array_equal(load().encode(TEXTS[:9]), expected(TEXTS[:9]))


def test_long_texts_go_in_requests_of_their_own(load, server):
    long = "word " * 80_000  # about 133,000 tokens of the 300,000 that a request may hold
    load().encode([long, long, long, "short"])
    assert [len(texts) for texts in server.texts] == [2, 2]


def test_no_more_requests_are_under_way_than_allowed(load, server):
    gate = threading.Barrier(3)  # breaks the test if fewer than three come at once

    def together(handler, asked):
        gate.wait(10)
        well(handler, asked)

    server.script = [together] * 3
    texts = [f"text {number}" for number in range(128 * 9)]
    np.testing.assert_array_equal(load(concurrency=3).encode(texts), expected(texts))
    assert server.most_busy == 3


def test_progress_counts_texts(load):
    told = []
    load(concurrency=3).encode(TEXTS, progress=lambda *step: told.append(step))
    assert told[0] == ("encoding", 0, 300)
    assert told[-1] == ("encoding", 300, 300)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_requests_keep_to_the_limits(load, time):
    load(requests_per_minute=30).encode(TEXTS)
    assert time.waits == [2.0, 2.0]
    time.waits.clear()
    load(tokens_per_minute=384 * 60).encode(["abc" * 128] * 129)  # 128 tokens each
    assert time.waits == [pytest.approx(128 * 128 / 384)]


def test_limits_are_taken_from_the_environment(monkeypatch):
    monkeypatch.setenv("NEARFIELD_REQUESTS_PER_MINUTE", "30")
    pace = ServiceOptions().pace()
    assert (pace.turn(1), round(pace.turn(1), 1)) == (0, 2.0)
    monkeypatch.setenv("NEARFIELD_REQUESTS_PER_MINUTE", "fast")
    with pytest.raises(InvalidInputError, match="PER_MINUTE must be a number greater than 0, got 'fast'"):
        ServiceOptions().pace()


def test_a_model_that_is_not_known_is_asked_for_its_dimension_once(load, server):
    encoder = load("openai:my/own-model:v1")
    assert server.asked == []
    assert (encoder.spec.dim, encoder.spec.max_tokens, encoder.spec.normalise) == (DIM, 8192, False)
    np.testing.assert_array_equal(encoder.encode(["a"]), expected(["a"]))
    assert [len(texts) for texts in server.texts] == [1, 1]
    assert "dimensions" not in server.asked[0].body


def test_a_model_that_refuses_to_be_asked_for_its_dimension_is_told(load, server):
    server.usual = longer_than(0)
    with pytest.raises(EncoderError, match=r"openai:my-model failed \(HTTP 400: This model's maximum"):
        load("openai:my-model").encode(["a"])


def test_a_model_that_is_not_known_gives_the_dimension_asked_for(load, server):
    assert load("openai:my-model@dim=3").encode(["a"]).shape == (1, 3)
    assert [asked.body["dimensions"] for asked in server.asked] == [3]


# --- failures that pass ---


@pytest.mark.parametrize(
    ("trouble", "waited"),
    [
        ([refusing(429, Retry_After="7")], [7.25]),
        ([refusing(429, retry_after_ms="1500")], [1.75]),
        ([refusing(503, Retry_After="7")], [7.25]),
        ([refusing(500), refusing(502)], [0.25, 0.5]),
        ([refusing(429, Retry_After="soon")], [0.25]),
        ([reset], [0.25]),
        ([half_a_body], [0.25]),
    ],
)
def test_what_may_pass_is_asked_again_after_a_wait(load, server, time, trouble, waited):
    server.script = list(trouble)
    np.testing.assert_array_equal(load().encode(TEXTS[:5]), expected(TEXTS[:5]))
    assert time.waits == pytest.approx(waited)
    assert server.texts == [TEXTS[:5]] * (len(trouble) + 1)


def test_a_date_to_come_back_at_is_kept(load, server, time):
    server.script = [refusing(429, Retry_After=in_seconds(100))]
    load().encode(["a"])
    assert 97 < time.waits[0] < 101


def test_a_limit_holds_back_every_request(load, server):
    server.script = [refusing(429, Retry_After="60")]
    encoder = load()
    others = []

    def wait(_stop, seconds):
        if seconds:
            others.append(encoder.client.pace.turn(1))  # of another thread, meanwhile

    encoder.client.wait = wait
    encoder.encode(["a"])
    assert others == pytest.approx([60.25])


@pytest.mark.parametrize("trouble", [hang, drip])
def test_what_does_not_answer_in_time_is_asked_again(load, server, trouble):
    server.script = [trouble]
    np.testing.assert_array_equal(load(timeout=0.2).encode(["a"]), expected(["a"]))


def test_retries_are_told_to_the_log(load, server, caplog):
    server.script = [refusing(503, "overloaded")]
    with caplog.at_level(logging.INFO, logger="nearfield"):
        load().encode(["a"])
    (record,) = [record for record in caplog.records if record.name.startswith("nearfield")]
    assert record.getMessage() == "openai: HTTP 503: overloaded; asking again in 0.2 s"


# --- failures that stay ---


@pytest.mark.parametrize(
    ("trouble", "kind", "message", "requests"),
    [
        (refusing(401, f"bad key {KEY[:8]}…"), ServiceAccessError, r"refused the key .*; check OPENAI_API_KEY", 1),
        (refusing(403), ServiceAccessError, "that its account may use text-embedding-3-small", 1),
        (refusing(400, "API key not valid"), ServiceAccessError, r"refused the key \(HTTP 400\)", 1),
        (refusing(404, "no such model"), UnknownEncoderError, "no such model.*check the model's name", 1),
        (refusing(400, "dimensions is odd"), EncoderError, "HTTP 400: dimensions is odd.*its options", 1),
        (refusing(429, "quota", code="insufficient_quota"), ServiceAccessError, "no credit left", 1),
        (refusing(429, "slow down"), ServiceError, "failed after 3 tries .HTTP 429: slow down.*ask slower", 3),
        (refusing(429, "tomorrow", Retry_After="86400"), ServiceError, "asks to wait 86400 s", 1),
        (refusing(500, "oh"), ServiceError, r"failed after 3 tries \(HTTP 500: oh\); try again later", 3),
        (reset, ServiceError, "failed after 3 tries .*; check the network", 3),
        (hang, ServiceError, r"failed after 3 tries \(no answer within 0.2 s\)", 3),
        (half_a_body, ServiceError, "RemoteProtocolError", 3),
        (saying(b"<html>\x1b[31m hello"), EncoderError, "no JSON, or was cut off; it begins '<html> .31m hello'", 1),
        (saying(b'{"data": [{"ind'), EncoderError, "no JSON, or was cut off", 1),
        (saying({"data": []}), EncoderError, "sent 0 vectors for 2 texts", 1),
        (saying([1]), EncoderError, "not of the form that openai sends; check OPENAI_BASE_URL", 1),
        (saying({"error": "none"}), EncoderError, "not of the form", 1),
        (saying({"data": [{"index": 0, "embedding": "!"}]}), EncoderError, "not of the form", 1),
        (saying({"data": [{"index": 0, "embedding": [[1]]}]}), EncoderError, "not of the form", 1),
        (with_items(lambda found: found[:1]), EncoderError, "sent 1 vectors for 2 texts", 1),
        (with_items(lambda found: [found[0], found[0]]), EncoderError, "numbers its vectors wrongly", 1),
        (with_items(lambda found: [{"embedding": item["embedding"]} for item in found]), EncoderError, "the form", 1),
        (
            with_items(lambda found: [{"index": i, "embedding": [0.5] * 5} for i in range(2)]),
            EncoderError,
            "5 dimensions, where 8 were asked for",
            1,
        ),
        (
            with_items(lambda found: [{"index": i, "embedding": [float("nan")] * DIM} for i in range(2)]),
            EncoderError,
            "unusable vectors: .* NaN",
            1,
        ),
        (refusing(302, Location="https://u:p@other.example/v1"), EncoderError, "redirected to other.example, wh", 1),
    ],
)
def test_what_stays_is_told_with_what_to_do(load, server, trouble, kind, message, requests):
    server.usual = trouble
    with pytest.raises(kind, match=message):
        load(retries=2, timeout=0.2 if trouble is hang else 30).encode(["a", "b"])
    assert len(server.asked) == requests


def test_a_service_that_is_not_there_is_told(load, server):
    server.server_close()
    with pytest.raises(ServiceError, match=r"openai:text-embedding-3-small failed after 2 tries \(ConnectError"):
        load(retries=1).encode(["a"])


def test_a_redirect_to_another_host_gets_neither_text_nor_key(load, server):
    with serving() as other:
        for status in (301, 302, 303, 307, 308):
            server.script = [refusing(status, Location=f"{other.url}/embeddings")]
            with pytest.raises(EncoderError, match=f"redirected to 127.0.0.1:{other.server_port}, which is not"):
                load().encode(["a"])
        assert other.asked == []


def test_a_text_that_is_too_long_is_found_and_named(load, server):
    server.usual = longer_than(50)
    texts = ["one two"] * 20 + ["far too long " * 30] + ["three"]
    with pytest.raises(EncoderError, match=r"texts\[20\] is too long .* 390 characters.*beginning 'far too long"):
        load().encode(texts)


def test_a_request_that_is_too_long_is_cut_in_two(load, server):
    server.usual = longer_than(150)
    np.testing.assert_array_equal(load().encode(TEXTS), expected())


def test_an_empty_text_is_refused_before_anything_is_sent(load, server):
    with pytest.raises(EncoderError, match=r"texts\[1\] is empty, and services refuse empty texts; leave it out"):
        load().encode(["a", "", "b"])
    assert server.asked == []


# --- nothing that was paid for is lost ---


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_call_that_failed_asks_again_only_for_what_is_missing(load, server, tmp_path, concurrency):
    cache = VectorCache(tmp_path / "v.sqlite")
    server.script = [well, well, refusing(400, "no")]
    encoder = load(concurrency=concurrency)
    assert isinstance(encoder, BatchedEncoder)
    with pytest.raises(EncoderError, match="HTTP 400: no"):
        CachedEncoder(encoder, cache).encode_document(TEXTS)
    server.asked.clear()
    np.testing.assert_array_equal(CachedEncoder(encoder, cache).encode_document(TEXTS), expected())
    assert sum(len(texts) for texts in server.texts) in (44, 128)  # one of the three requests, whichever failed
    assert len(server.asked) == 1
    cache.close()


@pytest.mark.parametrize("options", ["on_overflow=error", "precision=binary,on_overflow=error"])
def test_what_was_paid_for_is_kept_whatever_is_done_to_the_vectors(load, server, tmp_path, options):
    cache = VectorCache(tmp_path / "v.sqlite")
    encoder = load(f"openai:own-model@{options}")
    assert server.asked == []  # loading asks nothing, though the dimension is not known
    assert isinstance(innermost(encoder), BatchedEncoder)
    assert encoder.spec.dim == DIM
    server.script = [well, well, refusing(400, "no")]
    with pytest.raises(EncoderError, match="HTTP 400: no"):
        CachedEncoder(encoder, cache).encode_document(TEXTS)
    server.asked.clear()
    CachedEncoder(encoder, cache).encode_document(TEXTS)
    assert [len(texts) for texts in server.texts] == [44]
    cache.close()


def test_a_service_cannot_chunk_and_is_not_asked(load, server):
    with pytest.raises(CapabilityError, match="a service does not tell where its tokens lie"):
        load("openai:own-model@on_overflow=chunk")
    assert server.asked == []


def test_a_service_that_refuses_long_texts_does_so_by_its_own_count(load, server):
    long = "word " * 8000  # 8,001 tokens or so, which the estimate takes for 13,334 of 8,192
    encoder = load(f"{NAME},on_overflow=error")
    assert isinstance(encoder, BatchedEncoder)
    np.testing.assert_array_equal(encoder.encode_document([long]), expected([long]))
    server.usual = longer_than(10)
    with pytest.raises(EncoderError, match="is too long for openai:text-embedding-3-small"):
        encoder.encode_document([long])


def test_a_text_for_a_service_that_cuts_is_refused_by_the_estimate_and_told_so():
    encoder = load_encoder("cohere:embed-v4.0@on_overflow=error")
    assert isinstance(encoder, BatchedEncoder)
    message = r"has 133,334 tokens by an estimate, mostly too high, as a document, and .* choose on_overflow=truncate$"
    with pytest.raises(InvalidInputError, match=message):
        encoder.encode_document_batches(["word " * 80_000])


def test_what_is_under_way_when_another_request_fails_is_still_handed_back(load, server):
    failed = threading.Event()

    def slow(handler, asked):
        failed.wait(10)
        well(handler, asked)

    def fail(handler, asked):
        refusing(400, "no")(handler, asked)
        failed.set()

    server.script = [slow, fail]
    rows = []
    with pytest.raises(EncoderError, match="HTTP 400"):  # noqa: PT012  # what came before the error counts
        for found, vectors in load(concurrency=2).encode_document_batches(TEXTS[:256]):
            rows += found
            np.testing.assert_array_equal(vectors, expected()[found.start : found.stop])
    assert len(rows) == 128


def test_requests_not_yet_sent_are_given_up_when_one_fails(load, server):
    server.usual = refusing(400, "no")
    with pytest.raises(EncoderError, match="HTTP 400"):
        load().encode(TEXTS)
    assert len(server.asked) == 1


def test_whoever_waits_is_woken_when_another_request_fails(load, server):
    both = threading.Barrier(2)

    def after_both(trouble):
        def behave(handler, asked):
            both.wait(10)
            trouble(handler, asked)

        return behave

    server.script = [after_both(refusing(503, Retry_After="299")), after_both(refusing(400, "no"))]
    encoder = load(concurrency=2)
    encoder.client.wait = threading.Event.wait  # as it really waits
    with pytest.raises(EncoderError, match="HTTP 400"):
        encoder.encode(TEXTS[:256])
    assert len(server.asked) == 2


def test_ctrl_c_waits_for_no_answer(server, tmp_path):
    server.usual = hang
    code = (
        "from nearfield.encoders.load import load_encoder\n"
        f"encoder = load_encoder({NAME!r})\n"
        "print('asking', flush=True)\n"
        "encoder.encode(['a'] * 1000)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url, "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    with child:
        assert child.stdout.readline() == "asking\n"
        while not server.asked:
            server.over.wait(0.01)
        child.send_signal(signal.SIGINT)
        _, complaints = child.communicate(timeout=20)  # the server would hang for a minute
    assert complaints.rstrip().endswith("KeyboardInterrupt")
    assert KEY not in complaints


# --- the key stays where it is ---


@pytest.mark.parametrize(
    "trouble",
    [
        *(refusing(status, f"your key {KEY} is {'x' * 290}{KEY}") for status in (400, 401, 403, 404, 429, 500)),
        refusing(400, "no", code=KEY),
        refusing(302, Location=f"https://{KEY}.example/"),
        refusing(500, f"{KEY[:5]}", Retry_After=KEY),
        saying(KEY.encode()),
        saying({"data": [{"index": KEY, "embedding": KEY}]}),
        saying({KEY: KEY}),
        hang,
        reset,
    ],
)
def test_the_key_is_in_no_error_log_or_representation(load, server, trouble, caplog):
    server.usual = trouble
    encoder = load(retries=1, timeout=0.1 if trouble is hang else 30)
    with caplog.at_level(logging.DEBUG), pytest.raises(EncoderError) as caught:
        encoder.encode(["a"])
    error = caught.value
    # At DEBUG, httpcore writes down the headers of answers as they come; it writes down none that are sent.
    logged = [line for line in caplog.messages if not line.startswith("receive_response_headers.complete")]
    assert KEY not in "".join([*traceback.format_exception(error), repr(error), *logged])
    assert all(KEY not in repr(vars(thing)) for thing in (encoder, encoder.client, error))
    assert error.__cause__ is None  # an error of the HTTP client would bring the request along
    assert KEY.encode() not in pickle.dumps(error)
    assert all(KEY not in repr(thing) for thing in (encoder, encoder.client, ServiceOptions()))


def test_the_key_is_in_no_spec_or_manifest(load):
    encoder = load()
    manifest = Manifest(
        RetrieverSpec.parse(NAME), StoreConfig(dim=DIM), encoder=encoder.spec, canaries=encode_canaries(encoder)
    )
    written = manifest.to_bytes()
    assert KEY not in written.decode() + repr(encoder.spec)
    Manifest.from_bytes(written, address="here").check_encoder(encoder)


@pytest.mark.parametrize("key", [None, "", " \n"])
def test_without_a_key_nothing_is_sent_and_the_variable_is_named(monkeypatch, key):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    if key is not None:
        monkeypatch.setenv("GEMINI_API_KEY", key)
    encoder = load_encoder("gemini:gemini-embedding-001")
    with pytest.raises(ServiceAccessError, match="set the environment variable GEMINI_API_KEY or GOOGLE_API_KEY"):
        encoder.encode(["a"])


def test_a_server_on_this_machine_needs_no_key(load, server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    load().encode(["a"])
    assert "authorization" not in server.asked[0].headers


def test_white_space_around_a_key_is_left_out(load, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    load().encode(["a"])
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", ["sk-two words", "sk-a\nb", "sk-ключ"])
def test_what_can_be_no_key_is_refused_without_being_shown(load, server, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ServiceAccessError, match="what OPENAI_API_KEY holds is none") as caught:
        load().encode(["a"])
    assert "sk-" not in str(caught.value)
    assert server.asked == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.example.com/v1", "would send texts and key in the clear; use https://"),
        ("http://127.0.0.1.example.com/v1", "in the clear"),
        ("http://10.0.0.1/v1", "in the clear"),
        ("ftp://localhost/v1", "is not of the form https://host/v1"),
        ("api.example.com/v1", "is not of the form"),
        ("https:///v1", "is not of the form"),
        ("https://user:hidden@example.com/v1", "must hold no user, password, query or fragment"),
        ("https://example.com/v1?key=hidden", "must hold no user"),
        ("https://example.com/v1#hidden", "must hold no user"),
        ("https://example.com:port/v1", "is no address"),
        ("https://exa mple.com/v1", "holds characters that no address has"),
        ("https://example.com\\@evil.example/v1", "must hold no user"),
    ],
)
def test_an_address_that_must_not_get_the_key_is_refused(load, url, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        load(base_url=url)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:1/v1/", "http://[::1]:1/v1", "https://example.com/v1"])
def test_an_address_that_may_get_the_key_is_taken(load, url):
    assert load(base_url=url).client.base_url == url.rstrip("/")


def test_a_proxy_sees_nothing_that_goes_to_this_machine(load, server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    load(retries=0).encode(["a"])
    assert len(server.asked) == 1


# --- what the encoder says of itself ---


def test_the_spec_says_what_decides_the_space(monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    spec = load_encoder("openai:text-embedding-3-large@dim=256").spec
    assert (spec.name, spec.dim, spec.max_tokens) == ("openai:text-embedding-3-large@dim=256", 256, 8192)
    assert (spec.metric, spec.normalise, spec.on_overflow) == ("cosine", True, "error")
    whole = load_encoder("openai:text-embedding-3-large").spec
    assert whole.dim == 3072
    others = [
        load_encoder("openai:text-embedding-3-large@dim=3072").spec,
        load_encoder("openai:text-embedding-3-large", dim=3072).spec,
        load_encoder("openai:text-embedding-3-large", service=ServiceOptions(concurrency=9)).spec,
    ]
    assert {spec.fingerprint for spec in others} == {whole.fingerprint}
    different = [
        spec,
        load_encoder("openai:text-embedding-3-small", dim=256).spec,
        load_encoder("openai:text-embedding-3-large", service=ServiceOptions(base_url="https://example.com/v1")).spec,
    ]
    assert len({spec.fingerprint for spec in [whole, *different]}) == 4


def test_the_address_may_stand_in_the_environment(load, server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    load(base_url=None).encode(["a"])
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openai:text-embedding-3-small@dim=1537", "gives 1 to 1536 dimensions, not 1537"),
        ("openai:text-embedding-ada-002@dim=256", "gives 1536 only dimensions, not 256"),
        ("voyage:voyage-4@dim=300", "gives 256, 512, 1024, 2048 dimensions, not 300"),
        ("openai:text-embedding-3-small@threads=2", "engine, device and threads do not apply"),
        ("openai:text-embedding-3-small@colour=red", "has no option 'colour'"),
    ],
)
def test_options_that_a_service_has_not_are_refused(name, message):
    with pytest.raises(InvalidInputError, match=message):
        load_encoder(name)


@pytest.mark.parametrize("name", ["openai:", "openai:a b", "openai:../x", "openai:a?b", "gemini:m#x"])
def test_a_name_that_no_model_has_is_refused(name):
    with pytest.raises(UnknownEncoderError, match="must be followed by a model's name"):
        load_encoder(name)


def test_options_of_a_service_do_not_go_with_a_folder(tmp_path):
    with pytest.raises(InvalidInputError, match="is no service, so `service` does not apply; services are openai"):
        load_encoder(tmp_path, service=ServiceOptions())


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"timeout": 0}, {"retries": -1}, {"requests_per_minute": float("nan")}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(InvalidInputError, match=f"{next(iter(options))} must be"):
        ServiceOptions(**options)


def test_without_the_http_client_the_command_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[api\]'"):
        load_encoder("openai:text-embedding-3-small")


def test_tokens_are_estimated_and_long_texts_found(load, server):
    short, empty, long = load().inspect(["a leaking tap", " ", "word " * 8000], role="query")
    assert (short.tokens, short.truncated, short.empty) == (5, False, False)
    assert (empty.tokens, empty.empty) == (1, True)
    assert long.truncated
    with pytest.raises(InvalidInputError, match="role must be one of"):
        load().inspect(["a"], role="title")
    assert server.asked == []


def test_the_cost_is_estimated_without_asking_or_a_key(load, server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    estimate = load().estimate(["abc" * 1000] * 300)
    assert (estimate.texts, estimate.tokens, estimate.requests) == (300, 300_000, 3)
    assert estimate.dollars == pytest.approx(0.3 * 0.02)
    unknown = load("openai:my-model").estimate(["abc"])
    assert (unknown.dollars, unknown.tokens) == (None, 1)
    assert (estimate + unknown).dollars is None
    assert (estimate + estimate).dollars == pytest.approx(0.6 * 0.02)
    assert server.asked == []


@pytest.mark.parametrize(
    ("text", "encoder"),
    [
        ("openai:text-embedding-3-small", "openai:text-embedding-3-small"),
        ("hybrid:openai:text-embedding-3-small", "openai:text-embedding-3-small"),
        ("rrf:bm25:k1=0.9+openai:text-embedding-3-small@dim=256", "openai:text-embedding-3-small@dim=256"),
        ("bm25+openai:text-embedding-3-small@dim=256", "openai:text-embedding-3-small@dim=256"),
    ],
)
def test_a_retriever_may_have_a_leg_at_a_service(text, encoder):
    assert RetrieverSpec.parse(text).encoder == encoder


def test_canaries_fit_any_model(load):
    assert encode_canaries(load()).shape == (len(CANARY_TEXTS), DIM)
