import json
import re

import numpy as np
import pytest
from hash_encoder import HashEncoder
from hypothesis import given
from hypothesis import strategies as st
from tiny_bert import write_folder

from nearfield.arrays import normalise
from nearfield.encoders.cache import default_cache_path
from nearfield.encoders.int8_gate import GATE_VERSION, passed_gate, remember_gate, require_gate
from nearfield.encoders.load import load_encoder
from nearfield.errors import CapabilityError, InvalidInputError
from nearfield.evaluation import quality_gate
from nearfield.evaluation.quality_gate import GateData, GateResult, gate_data, gate_int8, nearest, run_gate
from nearfield.statistics import Interval

DATA = GateData(
    documents={f"d{i}": f"word{i} word{i % 5} filler" for i in range(60)},
    queries={f"q{i}": f"word{i}" for i in range(40)},
    qrels={f"q{i}": {f"d{i}": 1} for i in range(40)},
)


class Shaken(HashEncoder):
    """A hash encoder whose vectors are off by random amounts; of documents and queries alike."""

    def __init__(self, noise):
        super().__init__()
        self._noise = noise

    def encode_document(self, texts, **options):
        vectors = super().encode(texts, **options)
        return normalise(vectors + np.random.default_rng(1).normal(0, self._noise, vectors.shape).astype(np.float32))

    encode_query = encode_document


def test_an_encoder_passes_against_itself():
    found = run_gate(HashEncoder(), HashEncoder(), data=DATA)
    assert found.passed
    assert found.mean_cosine == pytest.approx(1)
    assert found.difference == Interval(0, 0, 0)
    assert (found.queries, found.documents) == (40, 60)
    assert found.ndcg == found.reference_ndcg > 0.5


def test_a_coarse_encoder_fails_and_is_told_by_how_much():
    found = run_gate(HashEncoder(), Shaken(0.2), data=DATA)
    assert not found.passed
    assert found.mean_cosine < 0.9
    assert found.difference.low < found.difference.mean == pytest.approx(found.ndcg - found.reference_ndcg)
    assert "hash failed the quality gate on 60 abstracts and 40 claims" in str(found)
    assert f"{found.mean_cosine:.4f}, needed is at least 0.99" in str(found)
    assert found.to_json()["passed"] is False


def result(cosine, low):
    return GateResult("e", "f", cosine, 0.5, 0.5, Interval(0, low, 0.1), 9, 9)


@pytest.mark.parametrize(
    ("cosine", "low", "passed"),
    [(0.99, -0.0049, True), (0.9899, 0.0, False), (1.0, -0.005, False), (1.0, float("nan"), False)],
)
def test_both_conditions_must_hold(cosine, low, passed):
    assert result(cosine, low).passed is passed


def test_encoders_of_different_dimensions_are_refused():
    with pytest.raises(InvalidInputError, match="same dimensions, got 16 and 8"):
        run_gate(HashEncoder(), HashEncoder(dim=8), data=DATA)


def test_the_data_hold_every_judged_document_and_are_the_same_each_time():
    data = gate_data()
    assert (len(data.documents), len(data.queries)) == (1000, 1109)
    assert all(document in data.documents for grades in data.qrels.values() for document in grades)
    assert data.queries.keys() == data.qrels.keys()
    assert list(data.documents) == list(gate_data().documents)


@given(st.integers(0, 9), st.integers(1, 7), st.sampled_from(["cosine", "dot", "l2"]), st.integers(0, 99))
def test_the_nearest_documents_are_those_of_a_plain_comparison(queries, documents, metric, seed):
    rng = np.random.default_rng(seed)
    asked, held = (rng.normal(size=(n, 4)).astype(np.float32) for n in (queries, documents))
    score = {
        "cosine": lambda q, d: q @ d / np.linalg.norm(q) / np.linalg.norm(d),
        "dot": lambda q, d: q @ d,
        "l2": lambda q, d: -np.linalg.norm(q - d),
    }[metric]
    expected = [sorted(range(documents), key=lambda j: -score(q, held[j]))[:3] for q in asked]  # used at once
    assert nearest(asked, held, metric, k=3).tolist() == expected


def test_equal_documents_keep_their_order():
    assert nearest(np.ones((1, 2), np.float32), np.ones((4, 2), np.float32), "dot", k=3).tolist() == [[0, 1, 2]]


def test_eight_bits_are_loaded_only_after_they_passed(tmp_path, monkeypatch):
    folder = write_folder(tmp_path)
    words = {f"d{i}": f"w{i} w{i % 7} w{i % 3}" for i in range(25)}
    monkeypatch.setattr(quality_gate, "gate_data", lambda: GateData(words, words, {id_: {id_: 1} for id_ in words}))
    with pytest.raises(CapabilityError, match=re.escape(f"run: nearfield doctor '{folder}' --gate")):
        load_encoder(folder, engine="onnxruntime-int8")
    found = gate_int8(str(folder))
    assert found.passed
    assert found.encoder == f"{folder}@engine=onnxruntime-int8"
    encoder = load_encoder(folder, engine="onnxruntime-int8")
    assert (encoder.spec.fingerprint, encoder.spec.dtype) == (found.fingerprint, "int8-w7-token")
    monkeypatch.setattr(quality_gate, "LEAST_COSINE", 1.0)
    assert not gate_int8(str(folder)).passed
    with pytest.raises(CapabilityError, match=r"failed the quality gate.*use another engine"):
        load_encoder(f"{folder}@engine=onnxruntime-int8")


@pytest.mark.parametrize("version", [{}, {"version": GATE_VERSION - 1}, {"version": GATE_VERSION + 1}])
def test_what_passed_another_version_of_the_gate_has_not_passed(version):
    spec = HashEncoder().spec
    remember_gate(spec.fingerprint, {"passed": True})
    file = default_cache_path().parent / "int8-gate" / f"{spec.fingerprint}.json"
    file.write_text(json.dumps({"passed": True, **version}))
    assert passed_gate(spec.fingerprint) is None


def test_a_gate_is_remembered_beside_the_vector_cache():
    spec = HashEncoder().spec
    remember_gate(spec.fingerprint, {"passed": True})
    require_gate(spec, name="hash")
    file = default_cache_path().parent / "int8-gate" / f"{spec.fingerprint}.json"
    assert json.loads(file.read_text()) == {"version": GATE_VERSION, "passed": True}
    for damaged in ("", "[]", "{}", f'{{"version": {GATE_VERSION}, "passed": 1}}', "\xff"):
        file.write_text(damaged, encoding="latin-1")
        assert passed_gate(spec.fingerprint) is None
    with pytest.raises(CapabilityError, match="has not been through the quality gate"):
        require_gate(spec, name="hash")
