"""What every encoder does, whatever its family: one suite over all of `encoder_factories.py`."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from encoder_factories import FACTORIES

from nearfield.encoders.base import CANARY_TEXTS, Encoder, check_vectors
from nearfield.errors import InvalidInputError

TEXTS = ["w1 w2 w3", "", "w4", "w5 w1 w20 w25 w0", "w2 w1 w3", "w4", "東京 👍🏽 naïve", " \n "]
ENCODINGS = ("encode", "encode_query", "encode_document")
ROUNDING = 1e-5


@pytest.fixture(scope="module", params=FACTORIES, ids=str)
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp(family)


@pytest.fixture(scope="module")
def encoder(family, folder) -> Encoder:
    return FACTORIES[family](folder)


def assert_same(found: np.ndarray, expected: np.ndarray, encoder: Encoder) -> None:
    """Equal up to float32 rounding, by which a value may also change its code."""
    if encoder.spec.precision == "float32":
        np.testing.assert_allclose(found, expected, atol=ROUNDING)
    else:
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
        np.testing.assert_allclose((found * expected).sum(1), lengths, rtol=1e-3)


@pytest.mark.parametrize("method", ENCODINGS)
def test_there_is_one_finite_float32_row_for_each_text(encoder, method):
    found = getattr(encoder, method)(TEXTS)
    assert (found.shape, found.dtype) == ((len(TEXTS), encoder.spec.dim), np.float32)
    assert found.flags.c_contiguous
    check_vectors(found, encoder.spec, len(TEXTS))


@pytest.mark.parametrize("method", ENCODINGS)
def test_no_texts_give_no_rows(encoder, method):
    found = getattr(encoder, method)([])
    assert (found.shape, found.dtype) == ((0, encoder.spec.dim), np.float32)


def test_any_sequence_of_texts_is_taken(encoder):
    assert_same(encoder.encode(tuple(TEXTS)), encoder.encode(TEXTS), encoder)
    assert encoder.inspect(tuple(TEXTS)) == encoder.inspect(TEXTS)


@pytest.mark.parametrize("method", ENCODINGS)
def test_neither_order_nor_neighbours_change_a_vector(encoder, method):
    encode = getattr(encoder, method)
    together = encode(TEXTS)
    assert_same(encode(TEXTS[::-1]), together[::-1], encoder)
    assert_same(np.concatenate([encode([text]) for text in TEXTS]), together, encoder)


def test_equal_texts_have_equal_vectors_and_others_have_others(encoder):
    found = encoder.encode(["w4", "w1 w2", "w4"])
    assert_same(found[:1], found[2:], encoder)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_texts_are_left_as_they_were(encoder):
    texts = list(TEXTS)
    for method in ENCODINGS:
        getattr(encoder, method)(texts)
    assert texts == TEXTS


@pytest.mark.parametrize("method", ENCODINGS)
def test_an_iterator_is_read_once(encoder, method):
    assert_same(getattr(encoder, method)(iter(TEXTS)), getattr(encoder, method)(TEXTS), encoder)


@pytest.mark.parametrize("method", [*ENCODINGS, "inspect"])
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("w1", r"write \[(text|it)\]"),
        (b"w1", r"write \[(text|it)\]"),
        (["w1", 2], r"(texts|items)\[1\] must be a str, got int"),
        ([None], r"(texts|items)\[0\] must be a str, got NoneType"),
        (["w1", "w2", "\ud83d"], r"(texts|items)\[2\] is not valid Unicode"),
    ],
)
def test_what_is_no_sequence_of_texts_is_refused(encoder, method, texts, message):
    with pytest.raises(InvalidInputError, match=message):
        getattr(encoder, method)(texts)


@pytest.mark.parametrize("method", ENCODINGS)
def test_vectors_have_length_1_where_the_spec_says_so(encoder, method):
    if not encoder.spec.normalise:
        pytest.skip("this encoder's vectors are of any length")
    lengths = np.linalg.norm(getattr(encoder, method)(TEXTS), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=ROUNDING)


def test_prompts_are_put_before_texts(encoder):
    texts = ["w1 w2", "w3", "w4 w5 w6"]
    for encode, prompt in (
        (encoder.encode_query, encoder.spec.query_prompt),
        (encoder.encode_document, encoder.spec.document_prompt),
    ):
        assert_same(encode(texts), encoder.encode([prompt + text for text in texts]), encoder)


@pytest.mark.parametrize("role", ["query", "document"])
def test_inspection_agrees_with_what_is_read(encoder, role):
    texts = [*TEXTS, "w1 " * (3 * encoder.spec.max_tokens)]
    found = encoder.inspect(texts, role=role)
    assert [each.empty for each in found] == [not text.strip() for text in texts]
    assert found[-1].tokens > encoder.spec.max_tokens
    for each in found:
        cut = each.tokens > encoder.spec.max_tokens and encoder.spec.on_overflow != "chunk"
        assert each.truncated == cut
    assert encoder.inspect([], role=role) == []


@pytest.mark.parametrize("method", ["encode_query", "encode_document"])
def test_a_text_that_is_too_long_is_cut_or_refused_or_chunked(encoder, method):
    encode, long = getattr(encoder, method), ["w1 w2 " * encoder.spec.max_tokens]
    changed = [long[0] + "w9 " * encoder.spec.max_tokens]
    if encoder.spec.on_overflow == "error":
        with pytest.raises(InvalidInputError, match=f"reads at most {encoder.spec.max_tokens}"):
            encode(long)
    elif encoder.spec.on_overflow == "chunk":
        assert np.abs(encode(changed) - encode(long)).max() > 1e-4
    else:
        assert_same(encode(changed), encode(long), encoder)


def test_canary_texts_are_encoded_whatever_their_length(encoder):
    check_vectors(encoder.encode(CANARY_TEXTS), encoder.spec, len(CANARY_TEXTS))


@pytest.mark.parametrize("method", ENCODINGS)
def test_progress_is_told_to_the_end(encoder, method):
    told = []
    getattr(encoder, method)(TEXTS, progress=lambda *step: told.append(step))
    done = [step[1] for step in told]
    assert done == sorted(done)
    assert told[-1][1:] == (len(TEXTS), len(TEXTS))


def test_the_same_encoder_made_again_is_the_same_space(family, folder, encoder):
    again = FACTORIES[family](folder)
    assert again.spec == encoder.spec
    assert re.fullmatch("[0-9a-f]{32}", again.spec.fingerprint)
    assert again.spec.fingerprint == encoder.spec.fingerprint
    assert_same(again.encode(TEXTS), encoder.encode(TEXTS), encoder)


def test_methods_take_what_the_protocol_says(encoder):
    assert encoder.weights_bytes >= 0
    for method in (*ENCODINGS, "inspect"):
        # The first argument is given by position, so each family may call it what it takes.
        expected, found = (
            [(p.name, p.kind, p.default) for p in inspect.signature(getattr(kind, method)).parameters.values()][2:]
            for kind in (Encoder, type(encoder))
        )
        assert found == expected
