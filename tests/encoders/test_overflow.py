import dataclasses
import json

import numpy as np
import pytest
from hash_encoder import HashEncoder
from hypothesis import given
from hypothesis import strategies as st
from tiny_bert import WORDS, tiny_tokenizer, write_folder
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from nearfield.encoders.base import CANARY_TEXTS
from nearfield.encoders.load import load_encoder
from nearfield.encoders.overflow import ChunkingEncoder, RefusingEncoder, with_overflow
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.encoders.windows import Window, cut_into_windows
from nearfield.errors import CapabilityError, InvalidInputError

PROMPTS = {"query": "w7 ", "document": "w8 w9 "}
LONG = " ".join(WORDS[:20])  # of at most 10 tokens, two are special


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("tiny"), prompts=PROMPTS)


@pytest.fixture(scope="module")
def encoder(folder):
    return TransformerEncoder.from_folder(folder, name="tiny")


@pytest.fixture(scope="module")
def counter():
    tokenizer = tiny_tokenizer()
    tokenizer.no_padding()
    return tokenizer


def word_piece(*tokens):
    tokenizer = Tokenizer(models.WordPiece({token: n for n, token in enumerate(["[UNK]", *tokens])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def byte_level(special=None):
    """A tokeniser to which each byte is a token, white space too."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = (special or {}) | {letter: 4 + n % 26 for n, letter in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def test_windows_hold_all_of_a_text_under_the_prompt(encoder):
    assert encoder.windows(["w1 w2", "", LONG, "w3  " * 9], prompt="w7 ") == [
        [Window("w1 w2", 2)],
        [Window("", 0)],
        [Window(" ".join(WORDS[first : min(first + 7, 20)]), min(7, 20 - first)) for first in (0, 7, 14)],
        [Window("w3  w3  w3  w3  w3  w3  w3", 7), Window("w3  w3", 2)],
    ]


def test_windows_of_a_lower_casing_encoder_are_in_lower_case(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 4, "do_lower_case": True}))
    windows = TransformerEncoder.from_folder(folder).windows(["W1 W2 İ W3"])
    assert [window.text for window in windows[0]] == ["w1 w2", "i̇ w3"]


@given(st.lists(st.sampled_from([*WORDS, "?", "東京", "\n", "👍🏽"]), max_size=60).map(" ".join), st.integers(3, 12))
def test_windows_lose_nothing_and_fit(counter, text, max_tokens):
    (windows,) = cut_into_windows(counter, [text], prompt="", max_tokens=max_tokens)
    assert "".join("".join(window.text for window in windows).split()) == "".join(text.split())
    assert all(len(counter.encode(window.text)) <= max_tokens for window in windows)
    assert sum(window.tokens for window in windows) == len(counter.encode(text)) - 2


def test_a_text_is_cut_before_a_word_where_there_is_one():
    tokenizer = word_piece("a", "##a", "##b", "b")
    (windows,) = cut_into_windows(tokenizer, ["ab ab abab"], prompt="", max_tokens=5)
    assert windows == [Window("ab ab", 4), Window("abab", 4)]
    (windows,) = cut_into_windows(tokenizer, ["abababab"], prompt="", max_tokens=5)  # of one word, within it
    assert windows == [Window("ababa", 5), Window("bab", 3)]


def test_a_part_that_reads_longer_alone_is_cut_again():
    tokenizer = word_piece("ab", "##cd", "c", "##d", "d")
    assert tokenizer.encode("abcdcdcd").tokens == ["ab", "##cd", "##cd", "##cd"]
    assert tokenizer.encode("cdcd").tokens == ["c", "##d", "##cd"]
    (windows,) = cut_into_windows(tokenizer, ["abcdcdcd"], prompt="", max_tokens=2)
    assert windows == [Window("abcd", 2), Window("c", 1), Window("d", 1), Window("cd", 1)]


def test_characters_of_several_tokens_are_not_lost():
    (windows,) = cut_into_windows(byte_level(), ["東京タワー"], prompt="", max_tokens=4)
    assert "".join(window.text for window in windows) == "東京タワー"


def test_white_space_that_is_too_long_is_as_no_text(tmp_path):
    assert cut_into_windows(byte_level(), ["a", " " * 9, "b" * 5], prompt="", max_tokens=4) == [
        [Window("a", 1)],
        [Window("", 0)],
        [Window("bbbb", 4), Window("b", 1)],
    ]
    folder = write_folder(tmp_path)
    tokenizer = byte_level({"[CLS]": 2, "[SEP]": 3})
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    encoder = TransformerEncoder.from_folder(folder)
    chunked = ChunkingEncoder(encoder)
    np.testing.assert_allclose(chunked.encode(["\n" * 99]), encoder.encode([""]), atol=1e-6)
    np.testing.assert_allclose(chunked.encode(["  ", "\n" * 99])[1:], encoder.encode([""]), atol=1e-6)


def test_a_prompt_that_leaves_no_room_is_refused(counter):
    with pytest.raises(InvalidInputError, match="'w1 w2' takes 4 of at most 4 tokens, which leaves no room"):
        cut_into_windows(counter, ["w3"], prompt="w1 w2", max_tokens=4)


@pytest.mark.parametrize("normalise", [True, False])
def test_chunks_are_averaged_by_their_tokens(tmp_path, normalise):
    encoder = TransformerEncoder.from_folder(write_folder(tmp_path, prompts=PROMPTS, normalise=normalise))
    chunked = ChunkingEncoder(encoder)
    parts = encoder.encode(["w8 w9 " + " ".join(WORDS[first : min(first + 6, 20)]) for first in range(0, 20, 6)])
    mean = (6 * parts[0] + 6 * parts[1] + 6 * parts[2] + 2 * parts[3]) / 20
    expected = mean / np.linalg.norm(mean) if normalise else mean
    np.testing.assert_allclose(chunked.encode_document(["w1", LONG])[1], expected, atol=1e-6)


def test_a_text_that_fits_has_the_encoders_own_vector(encoder):
    chunked = ChunkingEncoder(encoder)
    texts = ["w1 w2", "", "w3 " * 6]
    np.testing.assert_allclose(chunked.encode_document(texts), encoder.encode_document(texts), atol=1e-6)
    np.testing.assert_allclose(chunked.encode_query(texts), encoder.encode_query(texts), atol=1e-6)
    np.testing.assert_allclose(chunked.encode(texts), encoder.encode(texts), atol=1e-6)
    assert np.abs(chunked.encode([LONG]) - encoder.encode([LONG])).max() > 1e-3


def test_many_texts_are_chunked_in_blocks_with_progress_to_the_end(encoder, monkeypatch):
    monkeypatch.setattr("nearfield.encoders.overflow._BLOCK", 2)
    told = []
    texts = ["w1", LONG, "w2", "", LONG]
    found = ChunkingEncoder(encoder).encode(texts, progress=lambda *step: told.append(step))
    done = [step[1] for step in told]
    assert done == sorted(done)
    assert set(told) == {("encoding", number, 5) for number in range(6)}
    np.testing.assert_allclose(found[1], found[4], atol=1e-6)
    np.testing.assert_allclose(found[2], encoder.encode(["w2"])[0], atol=1e-6)


def test_nothing_is_cut_where_texts_are_chunked(encoder):
    (found,) = ChunkingEncoder(encoder).inspect([LONG])
    assert (found.tokens, found.truncated) == (24, False)


def test_a_text_that_would_be_cut_is_refused_with_its_tokens(encoder):
    refusing = RefusingEncoder(encoder)
    message = r"texts\[1\] \('w1 w1 .*\) has 11 tokens as a document, and tiny@on_overflow=error reads at most 10"
    with pytest.raises(InvalidInputError, match=message):
        refusing.encode_document(["w1", "w1 " * 7, LONG])
    with pytest.raises(InvalidInputError, match="has 11 tokens as a query"):
        refusing.encode_query(["w1 " * 8])
    with pytest.raises(InvalidInputError, match="shorten it, or choose on_overflow=truncate or chunk"):
        refusing.encode([LONG])
    np.testing.assert_array_equal(refusing.encode_document(["w1 " * 6]), encoder.encode_document(["w1 " * 6]))
    np.testing.assert_array_equal(refusing.encode_query(["w1 " * 7]), encoder.encode_query(["w1 " * 7]))
    assert refusing.inspect([LONG]) == encoder.inspect([LONG])
    assert refusing.weights_bytes == encoder.weights_bytes


def test_canaries_are_cut_and_not_refused(encoder):
    assert encoder.inspect(CANARY_TEXTS)[2].truncated
    np.testing.assert_array_equal(RefusingEncoder(encoder).encode(CANARY_TEXTS), encoder.encode(CANARY_TEXTS))


def test_refusing_is_the_same_space_as_cutting_and_chunking_is_another(encoder):
    refusing, chunking = RefusingEncoder(encoder), ChunkingEncoder(encoder)
    assert refusing.spec.fingerprint == encoder.spec.fingerprint
    assert chunking.spec.fingerprint != encoder.spec.fingerprint
    assert dataclasses.replace(chunking.spec, on_overflow="truncate").fingerprint == encoder.spec.fingerprint
    assert (refusing.spec.name, chunking.spec.name) == ("tiny@on_overflow=error", "tiny@on_overflow=chunk")


def test_overflow_is_chosen_by_name_or_by_option(folder, encoder):
    assert with_overflow(encoder, "truncate") is encoder
    assert isinstance(load_encoder(folder, on_overflow="error"), RefusingEncoder)
    chunked = load_encoder(f"{folder}@on_overflow=chunk,dim=4")
    full = ChunkingEncoder(encoder).encode([LONG])[:, :4]
    np.testing.assert_allclose(chunked.encode([LONG]), full / np.linalg.norm(full), atol=1e-6)
    assert chunked.spec.name == f"{folder}@dim=4,on_overflow=chunk"


def test_an_encoder_without_windows_cannot_chunk_but_can_refuse():
    with pytest.raises(CapabilityError, match="hash does not tell where its tokens lie"):
        with_overflow(HashEncoder(), "chunk")
    with pytest.raises(InvalidInputError, match="has 65 tokens"):
        with_overflow(HashEncoder(), "error").encode(["w " * 65])
