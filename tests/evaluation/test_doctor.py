import sys

import numpy as np
import pytest
from tiny_bert import write_folder
from tiny_families import FAMILIES, write_bare
from tiny_vision import write_folder as write_vision_folder

from nearfield.encoders import engines
from nearfield.encoders.load import load_encoder
from nearfield.errors import EncoderError, InvalidInputError
from nearfield.evaluation import doctor, doctor_worker
from nearfield.evaluation.doctor import DoctorReport, RuntimeReport, diagnose
from nearfield.evaluation.doctor_texts import EDGES, LONG_TEXTS, SENTENCES
from nearfield.evaluation.quality_gate import gate_int8

TEXTS = [*EDGES, *SENTENCES, *LONG_TEXTS]
REPORT = DoctorReport(
    "tiny",
    "onnxruntime",
    "onnxruntime",
    "why not",
    (
        RuntimeReport("onnxruntime", "", -1e-17, 2e-16, 1234.5, 67.8, 3e8),
        RuntimeReport("openvino", "", 1e-5, 2e-5, 10.0, 1.0, None),
        RuntimeReport("sentence-transformers", "it is not installed: pip install 'nearfield[torch]'"),
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(write_folder(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def no_peers(monkeypatch):
    """PyTorch takes seconds to start, and the default suite does not need it."""
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if "sentence" in name else object())


@pytest.mark.usefixtures("no_peers")
def test_every_runtime_is_measured_or_says_what_is_missing(folder, monkeypatch):
    monkeypatch.setattr(engines, "has_bfloat16", lambda: False)
    seen = []
    report = diagnose(folder, threads=1, progress=lambda *call: seen.append(call))
    names = ["onnxruntime", "onnxruntime-int8", "openvino", "openvino-bf16", "sentence-transformers"]
    assert [runtime.runtime for runtime in report.runtimes] == names
    reference, int8, openvino, bf16, peer = report.runtimes
    for runtime in (reference, int8, openvino):
        assert runtime.problem == ""
        assert min(runtime.sentences_per_second, runtime.long_texts_per_second) > 0
        assert runtime.peak_bytes > 1e7 or not sys.platform.startswith("linux")
    assert reference.largest_difference == pytest.approx(0, abs=1e-6)
    assert openvino.largest_difference == pytest.approx(0, abs=1e-5)
    assert 1e-6 < int8.mean_difference < int8.largest_difference < 0.1
    assert "neither avx512_bf16 nor amx_bf16" in bf16.problem
    assert peer.problem == "it is not installed: pip install 'nearfield[torch]'"
    assert report.chosen == "onnxruntime"
    assert seen[-1] == ("measuring", 5, 5)


@pytest.mark.parametrize("check", [diagnose, gate_int8])
@pytest.mark.parametrize("name", ["openai:text-embedding-3-small@dim=256", "text-embedding-3-small"])
def test_an_encoder_of_a_service_is_refused(check, name):
    with pytest.raises(InvalidInputError, match=r"text-embedding-3-small runs at a service, and doctor is for"):
        check(name)


@pytest.mark.parametrize("kind", ["static", "clip"])
def test_an_encoder_without_engines_has_one_row_and_is_told_so(tmp_path, kind):
    name = "nearfield-static" if kind == "static" else str(write_vision_folder(tmp_path, "clip"))
    report = diagnose(name, threads=1)
    (only,) = report.runtimes
    assert (report.reference, report.chosen, only.runtime, only.problem) == ("auto", "auto", "auto", "")
    assert only.largest_difference == pytest.approx(0, abs=1e-6)
    said = str(report)
    assert said.startswith(f"{name}: encoders of its kind have one runtime, and no engines to choose from\n")
    assert "chosen when no engine" not in said


def test_an_encoder_of_images_alone_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="encodes images only, and doctor encodes texts"):
        diagnose(str(write_vision_folder(tmp_path, "vit")))


@pytest.mark.parametrize(("kind", "chosen"), [("bert", "openvino-bf16"), ("modernbert", "onnxruntime")])
def test_the_engine_that_is_chosen_is_the_familys(tmp_path, monkeypatch, kind, chosen):
    monkeypatch.setattr(engines, "has_bfloat16", lambda: True)
    monkeypatch.setattr(doctor, "_RUNTIMES", ("onnxruntime",))
    assert diagnose(str(write_bare(tmp_path, FAMILIES[kind])), threads=1).chosen == chosen


@pytest.mark.peers
def test_sentence_transformers_gives_the_same_vectors():
    pytest.importorskip("sentence_transformers")
    name = "all-MiniLM-L6-v2"
    found = doctor_worker.measure(name, "sentence-transformers", 1)
    np.testing.assert_allclose(found["vectors"], load_encoder(name).encode(TEXTS), atol=1e-4)


def test_the_worker_writes_vectors_rates_and_memory(folder, tmp_path):
    doctor_worker.main([folder, "onnxruntime", "0", str(tmp_path / "out.npz")])
    with np.load(tmp_path / "out.npz", allow_pickle=False) as found:
        np.testing.assert_allclose(found["vectors"], load_encoder(folder).encode(TEXTS), atol=1e-6)
        assert found["rates"].shape == (2,)
        assert found["peak"].shape == ()


def test_the_worker_ends_with_the_message_of_an_error_on_purpose(folder):
    with pytest.raises(SystemExit, match="no model folder at"):
        doctor_worker.main([f"{folder}/none", "onnxruntime", "0", "unused"])


def test_memory_is_not_told_where_the_system_does_not_tell(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor_worker, "_STATUS", tmp_path / "none")
    assert np.isnan(doctor_worker.peak_bytes())


def test_an_encoder_that_does_not_load_is_an_error_with_the_reason(tmp_path):
    with pytest.raises(EncoderError, match="holds neither model"):
        diagnose(str(tmp_path))


@pytest.mark.usefixtures("no_peers")
def test_a_runtime_that_fails_is_reported_and_the_others_go_on(folder, monkeypatch):
    def write(vectors):
        return lambda file: np.savez(file, vectors=vectors, rates=np.ones(2), peak=np.array(np.nan))

    # What each process does in place of the work.
    acts = iter([write(np.eye(3)), "killed", write(np.eye(3)), write(np.eye(2))])

    def run(command, **options):
        act = next(acts)
        if act == "killed":
            return doctor.subprocess.CompletedProcess(command, -9, b"", b"")
        act(command[-1])
        return doctor.subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(doctor.subprocess, "run", run)
    monkeypatch.setattr(engines, "has_bfloat16", lambda: True)
    reference, killed, fine, other, _ = diagnose(folder).runtimes
    assert killed.problem == "its process ended with code -9"
    assert other.problem == "gave vectors of shape (2, 2), not (3, 3)"
    assert (reference.peak_bytes, fine.problem, fine.largest_difference) == (None, "", 0)


def test_the_report_reads_well():
    lines = str(REPORT).splitlines()
    assert lines[4].split() == ["onnxruntime", "0.0e+00", "2.0e-16", "1,234.5", "67.8", "300", "MB"]
    assert lines[5].split() == ["openvino", "1.0e-05", "2.0e-05", "10.0", "1.0", "–"]
    assert lines[-2] == "sentence-transformers: it is not installed: pip install 'nearfield[torch]'"
    assert lines[-1] == "chosen when no engine is asked for: onnxruntime (why not)"
    assert REPORT.to_json()["runtimes"][1]["peak_bytes"] is None


def test_the_texts_are_short_long_and_of_many_scripts():
    scripts = {chr(ord(character) // 128 * 128) for text in SENTENCES for character in text}
    assert len(scripts) > 10
    assert min(map(len, LONG_TEXTS)) > 5 * max(len(text) for text in SENTENCES[:8]) / 2
    assert len(set(LONG_TEXTS)) == len(LONG_TEXTS)
    assert "" in EDGES
