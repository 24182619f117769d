import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_static import TEXTS, byte_pairs, table, word_pieces, write_folder
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from nearfield.encoders import static_words
from nearfield.encoders.load import load_encoder
from nearfield.encoders.static import StaticEncoder
from nearfield.encoders.static_folder import quantise_rows, write_static_folder
from nearfield.encoders.static_words import WholeTexts, WordByWord
from nearfield.errors import EncoderError, InvalidInputError, ModelFolderError


def slow_vectors(texts, tokenizer, vectors, *, ignored=None, longest=None, normalise=True):
    """The mean over a text's tokens, one after the other, in float64."""
    rows = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids[:longest]
        kept = [vectors[token].astype(np.float64) for token in ids if token != ignored]
        row = np.mean(kept, axis=0) if kept else nothing(vectors, ignored)
        rows.append(row / np.linalg.norm(row) if normalise else row)
    return np.array(rows)


def nothing(vectors, ignored):
    return vectors.astype(np.float64).mean(axis=0)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static") / "m"
    return StaticEncoder.from_folder(write_folder(folder, {"embeddings": table(word_pieces())}))


def test_a_vector_is_the_mean_over_the_tokens_without_the_unknown_one(encoder):
    expected = slow_vectors(TEXTS, word_pieces(), table(word_pieces()), ignored=1)
    found = encoder.encode(TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_two_tokens_of_vectors_3_0_and_1_4_have_the_mean_2_2(tmp_path):
    vectors = np.zeros((word_pieces().get_vocab_size(), 2), dtype=np.float32)
    vectors[18], vectors[19] = (3, 0), (1, 4)
    folder = write_folder(tmp_path / "m", {"embeddings": vectors}, modules=["StaticEmbedding"])
    assert load_encoder(folder).encode(["tap drip"]).tolist() == [[2, 2]]


@given(st.lists(st.text(alphabet="abct apdris,.\n\t né字\x0b", max_size=40), min_size=1, max_size=20))
def test_any_text_is_cut_as_the_tokeniser_cuts_it_whole(encoder, texts):
    word_by_word, whole = WordByWord(word_pieces()), WholeTexts(word_pieces())
    for _ in range(2):  # the second time from what is known
        for found, expected in zip(word_by_word.cut(texts), whole.cut(texts), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_tokeniser_that_looks_across_spaces_cuts_whole_texts(tmp_path):
    assert not WordByWord.fits(byte_pairs())
    folder = write_folder(tmp_path / "m", {"embedding.weight": table(byte_pairs())}, tokenizer=byte_pairs())
    expected = slow_vectors(TEXTS, byte_pairs(), table(byte_pairs()))
    np.testing.assert_allclose(StaticEncoder.from_folder(folder).encode(TEXTS), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("normalizer", "pre_tokenizer", "added", "fits"),
    [
        (None, pre_tokenizers.WhitespaceSplit(), [], True),
        (normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase()]), pre_tokenizers.Whitespace(), [], True),
        (None, pre_tokenizers.Punctuation(), [], False),
        (None, pre_tokenizers.Metaspace(), [], False),
        (normalizers.Replace("a", " "), pre_tokenizers.Whitespace(), [], False),
        (None, None, [], False),
        (None, pre_tokenizers.Whitespace(), ["new york"], False),
        (None, pre_tokenizers.Whitespace(), ["\n"], False),
    ],
)
def test_it_is_known_which_tokenisers_treat_words_on_their_own(normalizer, pre_tokenizer, added, fits):
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_tokens(added)
    assert WordByWord.fits(tokenizer) is fits


def test_what_is_known_of_words_is_bounded(monkeypatch):
    monkeypatch.setattr(static_words, "_KEPT_CHARACTERS", 12)
    cutter, whole = WordByWord(word_pieces()), WholeTexts(word_pieces())
    for text in ("tap drip abc", "abc dab tap", "a very long text of many words", "tap"):
        for found, expected in zip(cutter.cut([text]), whole.cut([text]), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_threads_may_share_an_encoder(tmp_path):
    encoder = StaticEncoder.from_folder(write_folder(tmp_path / "m", {"embeddings": table(word_pieces())}))
    texts = [f"{'abcdefgh'[n % 8] * (n % 13)} tap {'gfedcba'[n % 7] * (n % 11)}" for n in range(3000)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(encoder.encode, [texts] * 4))
    expected = slow_vectors(texts, word_pieces(), table(word_pieces()), ignored=1)
    for vectors in found:
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_many_texts_tell_of_their_progress_to_the_end(encoder):
    told = []
    encoder.encode(["tap"] * 2500, progress=lambda *step: told.append(step))
    assert told == [("encoding", 0, 2500), ("encoding", 1024, 2500), ("encoding", 2048, 2500), ("encoding", 2500, 2500)]


def test_a_long_text_is_added_up_in_pieces(encoder):
    text = "tap drip " * 2000
    expected = slow_vectors([text], word_pieces(), table(word_pieces()))
    np.testing.assert_allclose(encoder.encode([text]), expected, atol=1e-5)


def test_sentence_transformers_layout_heeds_the_unknown_token(tmp_path):
    folder = write_folder(tmp_path / "m", {"embedding.weight": table(word_pieces())}, modules=["StaticEmbedding"])
    encoder = StaticEncoder.from_folder(folder, name="mine")
    expected = slow_vectors(TEXTS, word_pieces(), table(word_pieces()), normalise=False)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6)
    assert (encoder.spec.normalise, encoder.spec.name, encoder.spec.dim) == (False, "mine", 6)


def test_the_table_may_lie_in_a_folder_of_its_own(tmp_path):
    outside = write_folder(tmp_path / "m", {"embedding.weight": table(word_pieces())})
    inner = outside / "0_StaticEmbedding"
    inner.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (outside / name).rename(inner / name)
    listed = [{"type": "sentence_transformers.models.StaticEmbedding", "path": "0_StaticEmbedding"}]
    (outside / "modules.json").write_text(json.dumps(listed))
    expected = slow_vectors(TEXTS, word_pieces(), table(word_pieces()), normalise=False)
    np.testing.assert_allclose(load_encoder(outside).encode(TEXTS), expected, atol=1e-6)


@pytest.mark.parametrize("option", [{"engine": "onnxruntime-int8"}, {"device": "cuda"}])
def test_an_engine_or_device_is_refused(option):
    with pytest.raises(InvalidInputError, match="a static encoder has no engine and runs on the processor"):
        load_encoder(**option)


def test_token_weights_a_mapping_and_half_precision_are_folded_into_the_table(tmp_path):
    tokens = word_pieces().get_vocab_size()
    rng = np.random.default_rng(1)
    rows, mapping = rng.normal(size=(5, 6)).astype(np.float16), rng.integers(0, 5, tokens)
    weights = rng.uniform(0.5, 2, tokens).astype(np.float32)
    folder = write_folder(tmp_path / "m", {"embeddings": rows, "mapping": mapping, "weights": weights})
    expected = slow_vectors(TEXTS, word_pieces(), rows[mapping].astype(np.float32) * weights[:, None], ignored=1)
    np.testing.assert_allclose(StaticEncoder.from_folder(folder).encode(TEXTS), expected, atol=1e-6)


def test_a_stated_maximum_cuts_texts_and_inspection_says_so(tmp_path):
    config = {"model_type": "model2vec", "max_length": 3, "normalize": True}
    folder = write_folder(tmp_path / "m", {"embeddings": table(word_pieces())}, config=config, modules=None)
    encoder = load_encoder(folder)
    expected = slow_vectors(TEXTS, word_pieces(), table(word_pieces()), ignored=1, longest=3)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6)
    fits, cut, blank = encoder.inspect(["tap zzz .", "tap tap tap tap", " "])
    assert (fits.tokens, fits.truncated) == (3, False)
    assert (cut.tokens, cut.truncated) == (4, True)
    assert (blank.tokens, blank.empty) == (0, True)


def test_prompts_come_from_the_folder(tmp_path):
    folder = write_folder(tmp_path / "m", {"embeddings": table(word_pieces())})
    prompts = {"prompts": {"query": "tap ", "document": "drip "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    encoder = load_encoder(folder)
    np.testing.assert_array_equal(encoder.encode_query(["bag"]), encoder.encode(["tap bag"]))
    np.testing.assert_array_equal(encoder.encode_document(["bag"]), encoder.encode(["drip bag"]))
    with pytest.raises(InvalidInputError, match="role must be one of"):
        encoder.inspect(["bag"], role="passage")


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float16", 2e-3), ("int8", 2e-2)])
def test_what_is_written_is_read_again(tmp_path, dtype, tolerance):
    vectors = table(word_pieces()) * np.geomspace(0.01, 10, word_pieces().get_vocab_size(), dtype=np.float32)[:, None]
    vectors[3] = 0
    write_static_folder(tmp_path / "new" / "m", word_pieces(), vectors, dtype=dtype, config={"made_by": "a test"})
    encoder = load_encoder(tmp_path / "new" / "m")
    expected = slow_vectors(TEXTS, word_pieces(), vectors, ignored=1)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=tolerance)
    assert encoder.spec.normalise
    assert json.loads((tmp_path / "new" / "m" / "config.json").read_text())["made_by"] == "a test"


@given(st.integers(0, 1000), st.floats(1e-6, 1e6))
def test_a_rounded_row_is_within_half_a_step(seed, size):
    vectors = (np.random.default_rng(seed).normal(size=(4, 8)) * size).astype(np.float32)
    values, scales = quantise_rows(vectors)
    assert values.dtype == np.int8
    assert np.abs(values).max(axis=1).tolist() == [127] * 4
    assert (np.abs(values * scales[:, None] - vectors) <= scales[:, None] * 0.501).all()


def test_a_damaged_table_is_reported_with_the_text(tmp_path):
    vectors = table(word_pieces())
    vectors[18] = np.nan
    encoder = load_encoder(write_folder(tmp_path / "m", {"embeddings": vectors}))
    with pytest.raises(EncoderError, match=r"NaN or infinity for texts\[1\]"):
        encoder.encode(["drip", "tap"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda f: (f / "model.safetensors").write_bytes(b"no"), "model.safetensors cannot be read"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "not a readable tokenizer"),
        (lambda f: (f / "config.json").write_text('{"max_length": true}'), "max_length must be a whole number"),
        (lambda f: (f / "modules.json").write_text('[{"type": "a.StaticEmbedding"}, {"type": "b.Dense"}]'), "Dense"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, change, message):
    folder = write_folder(tmp_path / "m", {"embeddings": table(word_pieces())})
    change(folder)
    with pytest.raises(ModelFolderError, match=message):
        load_encoder(folder)


TABLE = table(word_pieces())


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"something": TABLE}, "neither embedding.weight nor embeddings"),
        ({"embeddings": TABLE[:-1]}, "the table has 22 rows, and the tokenizer 23 tokens"),
        ({"embeddings": TABLE[0]}, r"must be a \(tokens, d\) matrix"),
        ({"embeddings": TABLE.astype(np.int32)}, "got int32"),
        ({"embeddings": TABLE, "weights": TABLE[:5, 0]}, r"weights must have shape \(23,\), .*got \(5,\)"),
        ({"embeddings": TABLE, "weights": TABLE[:, :1]}, r"got \(23, 1\)"),
        ({"embeddings": TABLE, "mapping": np.zeros(0, np.int64)}, r"mapping must have shape \(23,\)"),
        ({"embeddings": TABLE[:2], "mapping": np.arange(23)}, "mapping must hold rows from 0 to 1"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(tmp_path, tensors, message):
    with pytest.raises(ModelFolderError, match=message):
        load_encoder(write_folder(tmp_path / "m", tensors))


@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_huge_and_tiny_tables_give_the_same_directions(tmp_path, size):
    vectors = table(word_pieces())
    folder = write_folder(tmp_path / "m", {"embedding.weight": vectors * np.float32(size)})
    expected = slow_vectors(TEXTS, word_pieces(), vectors)
    np.testing.assert_allclose(load_encoder(folder).encode(TEXTS), expected, atol=1e-6)


def test_a_vocabulary_with_a_gap_is_refused(tmp_path):
    folder = write_folder(tmp_path / "m", {"embeddings": table(word_pieces())})
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["tap"] = 1000
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(ModelFolderError, match="23 tokens with ids up to 1000; a table needs them to run from 0"):
        load_encoder(folder)


@pytest.mark.peers
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_model2vec_gives_the_same_vectors(tmp_path, dtype):
    model2vec = pytest.importorskip("model2vec")
    write_static_folder(tmp_path, word_pieces(), table(word_pieces()), dtype=dtype, config={})
    # A text without any known token is zero there, and the mean of the table here.
    known = [text for text in TEXTS if set(word_pieces().encode(text).ids) - {1}]
    theirs = model2vec.StaticModel.from_pretrained(tmp_path).encode(known)
    np.testing.assert_allclose(load_encoder(tmp_path).encode(known), theirs, atol=1e-5)


@pytest.mark.peers
def test_sentence_transformers_gives_the_same_vectors(tmp_path):
    library = pytest.importorskip("sentence_transformers")
    write_static_folder(tmp_path, word_pieces(), table(word_pieces()), dtype="float32", config={})
    texts = ["Tap drips.", "tap, tap\ttap\nabc", "drip drip tap bag"]  # it counts unknown tokens, model2vec does not
    theirs = library.SentenceTransformer(str(tmp_path), device="cpu").encode(texts)
    np.testing.assert_allclose(load_encoder(tmp_path).encode(texts), theirs, atol=1e-5)
