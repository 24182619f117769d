import dataclasses

import numpy as np
import pytest
from hash_encoder import HashEncoder
from tiny_bert import write_folder

from nearfield.arrays import normalise
from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.data.records import Record
from nearfield.encoders.calibration import bundled_sample
from nearfield.encoders.load import load_encoder
from nearfield.encoders.reduced import ReducedEncoder
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.errors import InvalidInputError, SpaceMismatchError
from nearfield.quantisation import Calibration, dequantise, quantise
from nearfield.retrieval.spec import RetrieverSpec

TEXTS = ["a leaking tap", "mend a tyre", "", "rinse the rice"]


def with_spec(encoder: HashEncoder, **changes) -> HashEncoder:
    encoder.spec = dataclasses.replace(encoder.spec, **changes)
    return encoder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tiny").mkdir()
    return write_folder(tmp_path / "tiny", prompts={"query": "w7 ", "document": "w8 w9 "})


def test_leading_dimensions_are_kept_and_renormalised(encoder):
    reduced = ReducedEncoder(encoder, dim=5)
    expected = encoder.encode(TEXTS)[:, :5]
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(reduced.encode(TEXTS), expected, atol=1e-6)
    assert (reduced.spec.dim, reduced.spec.normalise, reduced.spec.precision) == (5, True, "float32")


def test_vectors_whose_lengths_count_keep_them(encoder):
    reduced = ReducedEncoder(with_spec(encoder, normalise=False, metric="dot"), dim=5)
    np.testing.assert_array_equal(reduced.encode(TEXTS), encoder.encode(TEXTS)[:, :5])
    assert not reduced.spec.normalise


@pytest.mark.parametrize("precision", ["int8", "uint8"])
def test_scalar_values_are_those_that_the_codes_stand_for(encoder, precision):
    calibration = Calibration.fit(normalise(encoder.encode(TEXTS)[:, :8]))
    reduced = ReducedEncoder(encoder, dim=8, precision=precision, calibration=calibration)
    codes = quantise(ReducedEncoder(encoder, dim=8).encode(TEXTS), calibration, precision=precision)
    np.testing.assert_array_equal(reduced.encode(TEXTS), dequantise(codes, calibration))
    assert (reduced.spec.precision, reduced.spec.calibration) == (precision, calibration.digest)
    assert not reduced.spec.normalise  # rounded values have nearly length 1, not quite


def test_binary_values_are_signs_scaled_to_length_1(encoder):
    found = ReducedEncoder(encoder, precision="binary").encode(TEXTS)
    np.testing.assert_array_equal(found, np.where(encoder.encode(TEXTS) > 0, 1, -1) / np.float32(4))


def test_without_a_calibration_ranges_are_fitted_on_bundled_texts_when_first_needed(encoder):
    reduced = ReducedEncoder(encoder, precision="int8")
    assert encoder.encoded == 0
    found = reduced.encode_document(TEXTS)
    sample = bundled_sample()
    calibration = Calibration.fit(HashEncoder().encode([*sample.documents, *sample.queries]), margin=0.5)
    np.testing.assert_array_equal(reduced.calibration.low, calibration.low)
    cosines = (normalise(found) * encoder.encode(TEXTS)).sum(1)
    assert cosines.min() > 0.999
    before = encoder.encoded
    reduced.encode_document(TEXTS)
    assert encoder.encoded == before + len(TEXTS)  # fitted once


def test_the_bundled_texts_are_short_fixed_and_of_both_roles():
    sample = bundled_sample()
    assert (len(sample.documents), len(sample.queries)) == (44, 84)
    # Another digest is another space for every int8 encoder: collections would have to be built again.
    assert sample.digest == "407b828fd06c70809d378f24b8264eab"


def test_each_reduction_is_a_space_and_a_name_of_its_own(encoder):
    calibration = Calibration.fit(encoder.encode(TEXTS))
    encoders = [
        encoder,
        ReducedEncoder(encoder, dim=8),
        ReducedEncoder(encoder, precision="int8"),
        ReducedEncoder(encoder, precision="int8", calibration=calibration),
        ReducedEncoder(encoder, precision="uint8"),
        ReducedEncoder(encoder, precision="binary"),
        ReducedEncoder(encoder, precision="binary", dim=8),
    ]
    assert len({each.spec.fingerprint for each in encoders}) == len(encoders)
    assert [each.spec.name for each in encoders] == [
        "hash",
        "hash@dim=8",
        "hash@precision=int8",
        "hash@precision=int8",
        "hash@precision=uint8",
        "hash@precision=binary",
        "hash@dim=8,precision=binary",
    ]
    assert ReducedEncoder(encoder).spec.fingerprint == encoder.spec.fingerprint
    assert ReducedEncoder(HashEncoder(), precision="int8").spec == encoders[2].spec


def test_many_rows_are_reduced_in_blocks(encoder, monkeypatch):
    monkeypatch.setattr("nearfield.encoders.reduced._BLOCK", 3)
    full = encoder.encode([f"text {number}" for number in range(10)])
    found = ReducedEncoder(encoder, dim=4).reduce(full)
    np.testing.assert_allclose(found, normalise(full[:, :4].copy()), atol=1e-7)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"dim": 17}, "dim must be at most 16, the dimensions of hash, got 17"),
        ({}, {"dim": 0}, "dim must be at least 1, got 0"),
        ({}, {"precision": "int4"}, "precision must be one of float32, int8, uint8, binary, got 'int4'"),
        ({"metric": "dot", "normalise": False}, {"precision": "binary"}, "compared by dot, which needs their lengths"),
        ({"metric": "l2", "normalise": False}, {"precision": "binary"}, "compared by l2, .* choose int8"),
        ({"modality": "image"}, {"precision": "int8"}, "hash encodes image, and ranges for int8 can be fitted"),
        ({"precision": "int8"}, {"dim": 8}, "hash is rounded to int8 already; reduce the encoder it is of"),
        ({}, {"calibration": Calibration.fit(np.eye(16))}, "a calibration goes with int8 or uint8, not with float32"),
        ({}, {"precision": "int8", "calibration": Calibration.fit(np.eye(5))}, "must have 16 dimensions, got 5"),
    ],
)
def test_reductions_that_make_no_sense_are_refused(encoder, changes, options, message):
    with pytest.raises(InvalidInputError, match=message):
        ReducedEncoder(with_spec(encoder, **changes), **options)


def test_signs_are_enough_where_every_length_is_1(encoder):
    assert ReducedEncoder(with_spec(encoder, metric="dot"), precision="binary").spec.normalise


def test_a_reduced_encoder_is_loaded_by_name_or_by_options(folder):
    full = TransformerEncoder.from_folder(folder)
    by_name = load_encoder(f"{folder}@dim=4,precision=int8")
    by_options = load_encoder(folder, dim=4, precision="int8")
    assert by_name.spec == by_options.spec
    assert by_name.spec.name == f"{folder}@dim=4,precision=int8"
    np.testing.assert_array_equal(by_name.encode(["w1 w2"]), by_options.encode(["w1 w2"]))
    assert load_encoder(folder, dim=8).spec.fingerprint == full.spec.fingerprint  # all of them
    assert (by_name.weights_bytes, by_name.inspect(["w1"])) == (full.weights_bytes, full.inspect(["w1"]))
    with pytest.raises(InvalidInputError, match="dim must be at most 8"):
        load_encoder(folder, dim=9)


def test_roles_are_encoded_under_their_prompts(folder):
    full, reduced = TransformerEncoder.from_folder(folder), load_encoder(folder, dim=4)
    np.testing.assert_allclose(reduced.encode_query(["w1"]), reduced.encode(["w7 w1"]), atol=1e-6)
    np.testing.assert_allclose(reduced.encode_document(["w1"]), reduced.encode(["w8 w9 w1"]), atol=1e-6)
    assert reduced.spec.query_prompt == full.spec.query_prompt


def test_a_path_with_options_in_a_retrievers_name_lasts(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert RetrieverSpec.parse("hybrid:./tiny@dim=4").encoder == f"{folder}@dim=4"
    with pytest.raises(InvalidInputError, match="has no option 'dims'"):
        RetrieverSpec.parse("./tiny@dims=4")


@pytest.mark.parametrize("options", ["dim=4", "precision=int8", "dim=6,precision=binary", "on_overflow=chunk"])
def test_a_collection_gets_its_encoder_again_by_the_name_in_its_manifest(folder, tmp_path, monkeypatch, options):
    monkeypatch.chdir(folder.parent)
    records = [Record(f"id-{number}", f"w{number} w{number + 1} " * 9) for number in range(8)]
    collection, _ = build_collection(tmp_path / "c", records, f"./tiny@{options}")
    collection.close()
    monkeypatch.chdir("/")
    with Collection.open(tmp_path / "c") as collection:
        assert collection.search(records[3].text, k=8)
        assert collection.encoder.spec == load_encoder(f"{folder}@{options}").spec
    with pytest.raises(SpaceMismatchError, match="they differ in"):
        Collection.open(tmp_path / "c", encoder=load_encoder(folder))


def test_a_sign_that_flips_is_no_other_encoder_but_many_are(tmp_path, encoder, monkeypatch):
    wide = ReducedEncoder(HashEncoder(dim=64), precision="binary")
    build_collection(tmp_path / "c", [Record("a", "tap")], "hash", encoder=wide)[0].close()
    right = wide.encoder.encode

    def flipped(dimensions: int) -> None:
        signs = np.where(np.arange(64) < dimensions, -1, 1)
        monkeypatch.setattr(wide.encoder, "encode", lambda texts, **_: right(texts) * signs.astype(np.float32))

    flipped(2)
    Collection.open(tmp_path / "c", encoder=wide).close()
    flipped(5)
    with pytest.raises(SpaceMismatchError, match=r"gives other vectors .* at least 0\.9 is the same"):
        Collection.open(tmp_path / "c", encoder=wide)
