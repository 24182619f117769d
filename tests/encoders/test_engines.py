"""Every engine computes the same vectors, and the choice between them is told."""

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_transformer import slow_vectors, write_onnx
from tiny_bert import TEXTS, WORDS, random_weights, tiny_tokenizer, write_folder

from nearfield.encoders import engines, onnx_engine, processor
from nearfield.encoders.engines import ENGINES, choose_engine, missing_for
from nearfield.encoders.folder import read_folder
from nearfield.encoders.int8_engine import open_int8, quantise, round_weight
from nearfield.encoders.onnx_engine import open_onnx
from nearfield.encoders.options import Runtime
from nearfield.encoders.program import Model
from nearfield.encoders.run import build_model
from nearfield.encoders.transformer import TransformerEncoder
from nearfield.errors import CapabilityError, EncoderError, MissingExtraError, ModelFolderError

FLOAT32 = ("onnxruntime", "openvino", "openvino-bf16")


@pytest.fixture
def bfloat16(monkeypatch):
    """Claim a processor that computes in bfloat16; OpenVINO falls back to float32 where it is none."""
    monkeypatch.setattr(engines, "has_bfloat16", lambda: True)


@pytest.fixture
def no_bfloat16(monkeypatch):
    monkeypatch.setattr(engines, "has_bfloat16", lambda: False)


@pytest.fixture
def no_openvino(monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)


def encoder_on(folder, engine, **options):
    return TransformerEncoder.from_folder(folder, runtime=Runtime(engine=engine, **options))


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken"])
@pytest.mark.parametrize("engine", FLOAT32)
def test_engines_equal_a_slow_plain_forward_pass_and_share_a_space(tmp_path, engine, pooling):
    folder = write_folder(tmp_path, pooling=pooling)
    encoder = encoder_on(folder, engine)
    expected = slow_vectors(TEXTS, random_weights(), pooling=pooling)
    found = encoder.encode(TEXTS)
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)
    # OpenVINO rounds to bfloat16, of 8 bits, where the processor can.
    np.testing.assert_allclose(found, expected, atol=3e-2 if engine == "openvino-bf16" else 2e-5)
    assert encoder.spec.fingerprint == encoder_on(folder, "onnxruntime").spec.fingerprint


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "onnxruntime-int8"])
def test_threads_and_neighbours_do_not_change_vectors(tmp_path, engine):
    folder = write_folder(tmp_path)
    texts = [" ".join(WORDS[: number % 8]) for number in range(200)]
    alone = np.concatenate([encoder_on(folder, engine).encode([text]) for text in texts[:9]])
    together = encoder_on(folder, engine, threads=3).encode(texts)
    np.testing.assert_allclose(alone, together[:9], atol=1e-6)


def test_openvino_serves_several_callers_at_once(tmp_path):
    encoder = encoder_on(write_folder(tmp_path), "openvino", threads=2)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(encoder.encode, [TEXTS] * 8))
    np.testing.assert_allclose(found, [encoder.encode(TEXTS)] * 8, atol=1e-6)


def test_openvino_reports_nothing_to_its_vendor(tmp_path):
    code = (
        "from nearfield.encoders.openvino_engine import import_openvino; import sys; import_openvino();"
        "print(*(name for name in sys.modules if name.startswith('openvino_telemetry')))"
    )
    variables = {name: value for name, value in os.environ.items() if name != "CI"} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=variables)
    assert done.stdout.split() == []
    assert list(tmp_path.iterdir()) == []


def test_openvino_that_cannot_be_imported_is_told_how_to_install(tmp_path, monkeypatch):
    folder = write_folder(tmp_path)
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[fast\]'"):
        encoder_on(folder, "openvino")


@pytest.mark.parametrize("output", ["last_hidden_state", "sentence_embedding"])
def test_openvino_runs_an_onnx_file(tmp_path, output):
    folder = write_folder(tmp_path)
    write_onnx(folder, output=output)
    found = encoder_on(folder, "openvino").encode(TEXTS)
    np.testing.assert_allclose(found, encoder_on(folder, "onnxruntime").encode(TEXTS), atol=1e-6)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_model_of_float16_is_in_the_same_space_on_every_engine(tmp_path, engine):
    folder = write_folder(tmp_path)
    write_onnx(folder, half=True)
    encoder = encoder_on(folder, engine)
    assert encoder.spec.dtype == "float16"
    assert encoder.encode(TEXTS).dtype == np.float32


def test_openvino_refuses_a_damaged_onnx_file(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelFolderError, match=r"model\.onnx cannot be loaded"):
        encoder_on(folder, "openvino")


@pytest.mark.parametrize("of_file", [False, True])
def test_openvino_refuses_a_token_that_it_would_embed_as_zeros(tmp_path, of_file):
    folder = write_folder(tmp_path)
    if of_file:
        write_onnx(folder)
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["stranger"])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(EncoderError, match="token 30 is out of bounds: the model embeds 30 tokens"):
        encoder_on(folder, "openvino").encode(["w1", "stranger"])


def test_eight_bit_vectors_are_near_and_in_another_space(tmp_path):
    folder = write_folder(tmp_path)
    reference, rounded = encoder_on(folder, "onnxruntime"), encoder_on(folder, "onnxruntime-int8")
    assert rounded.spec == replace(reference.spec, dtype="int8-w7-token")
    cosines = np.einsum("nd,nd->n", reference.encode(TEXTS), rounded.encode(TEXTS))
    assert cosines.min() > 0.99
    assert cosines.max() < 1 - 1e-7


def test_the_eight_bit_graph_computes_what_its_rounding_says():
    """The oracle: round weights and each token's inputs in NumPy, multiply in whole numbers, scale back."""
    rng = np.random.default_rng(0)
    states, weight, bias = rng.normal(size=(5, 8)), rng.normal(size=(3, 8)), rng.normal(size=3)
    states[2] = 0
    states, weight, bias = (array.astype(np.float32) for array in (states, weight, bias))
    for given_bias in (True, False):
        inputs = ["x", "w", "b"] if given_bias else ["x", "w"]
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node("Gemm", inputs, ["y"], transB=1)],
            "dense",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 8])],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3])],
            [onnx.numpy_helper.from_array(bias, "b")],
        )
        opsets = [onnx.helper.make_opsetid("", 20), onnx.helper.make_opsetid("com.microsoft", 1)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
        content, rest = quantise(model, {"w": weight})
        assert rest == {}
        found = open_onnx(Model(content, {}, Path("dense"))).compute({"x": states}, ["y"])[0]
        step = np.abs(states).max(1, keepdims=True) / 127
        whole = np.rint(np.divide(states, step, out=np.zeros_like(states), where=step > 0))
        scale = np.abs(weight).max(1) / 63
        exact = (whole @ np.rint(weight / scale[:, None]).T) * step * scale
        np.testing.assert_allclose(found, exact + bias * given_bias, atol=1e-5)


def test_every_dense_layer_is_rounded_and_each_input_once(tmp_path):
    model = build_model(read_folder(write_folder(tmp_path)))
    content, weights = quantise(model.content, model.weights)
    kinds = Counter(node.op_type for node in onnx.load_from_string(content).graph.node)
    assert (kinds["Gemm"], kinds["MatMulIntegerToFloat"], kinds["QuantizeLinear"]) == (0, 12, 8)
    assert "embeddings.word_embeddings.weight" in weights
    assert not [name for name in weights if weights[name].ndim == 2 and name.startswith("encoder")]


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(-100, 100, width=32))
)
def test_rounded_weights_are_7_bits_and_within_half_a_step(weight):
    whole, scale = round_weight(weight, True)
    assert np.abs(whole.astype(int)).max() <= 63
    np.testing.assert_allclose(whole * scale, weight.T, atol=np.abs(weight).max() / 126 + 1e-6)
    np.testing.assert_array_equal(round_weight(weight.T, False)[0], whole)


def test_an_onnx_file_is_not_rounded(tmp_path):
    folder = write_folder(tmp_path)
    write_onnx(folder)
    with pytest.raises(CapabilityError, match=r"model\.onnx is an ONNX file"):
        encoder_on(folder, "onnxruntime-int8")
    with pytest.raises(CapabilityError):
        open_int8(build_model(read_folder(folder)))


@pytest.mark.usefixtures("bfloat16")
def test_bfloat16_is_chosen_where_the_processor_has_it():
    choice = choose_engine(Runtime(), "bert")
    assert (choice.engine, choice.device) == ("openvino-bf16", "cpu")


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("family", ["modernbert", "qwen3", "t5", "camembert", ""])
def test_bfloat16_is_not_chosen_for_families_that_it_was_not_measured_on(family):
    choice = choose_engine(Runtime(), family)
    assert choice.engine == "onnxruntime"
    assert "not measured" in choice.why
    assert choose_engine(Runtime(engine="openvino-bf16"), family).engine == "openvino-bf16"


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("onnx_file", [False, True])
def test_the_family_of_a_folder_decides_what_is_chosen(tmp_path, monkeypatch, onnx_file):
    folder = write_folder(tmp_path)
    if onnx_file:
        write_onnx(folder)
    chosen = []
    choose = engines.choose_engine
    monkeypatch.setattr(engines, "choose_engine", lambda *args: chosen.append(choose(*args).engine) or choose(*args))
    encoder_on(folder, "auto", device="cpu")
    assert chosen[-1] == ("onnxruntime" if onnx_file else "openvino-bf16")


@pytest.mark.usefixtures("no_bfloat16")
def test_onnx_runtime_is_chosen_in_float32_and_the_reason_told():
    choice = choose_engine(Runtime(), "bert")
    assert choice.engine == "onnxruntime"
    assert "neither avx512_bf16 nor amx_bf16" in choice.why
    with pytest.raises(CapabilityError, match="neither avx512_bf16 nor amx_bf16; choose another"):
        choose_engine(Runtime(engine="openvino-bf16"))


@pytest.mark.usefixtures("bfloat16", "no_openvino")
def test_without_openvino_onnx_runtime_is_chosen_and_the_extra_named():
    choice = choose_engine(Runtime(), "bert")
    assert choice.engine == "onnxruntime"
    assert "pip install 'nearfield[fast]'" in choice.why
    for engine in ("openvino", "openvino-bf16"):
        with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[fast\]'"):
            choose_engine(Runtime(engine=engine))


@pytest.mark.usefixtures("bfloat16")
def test_eight_bits_are_never_chosen_unasked_and_nothing_is_missing_for_them():
    assert choose_engine(Runtime(engine="onnxruntime-int8")).why == "it was asked for"
    assert [missing_for(engine) for engine in ENGINES] == ["", "", "", ""]


def test_a_gpu_is_used_where_onnx_runtime_has_one(monkeypatch):
    monkeypatch.setattr(onnx_engine.onnxruntime, "get_available_providers", lambda: [onnx_engine.CUDA])
    for engine in ("auto", "onnxruntime"):
        assert choose_engine(Runtime(engine=engine)).device == "auto"
        assert choose_engine(Runtime(engine=engine, device="cuda")).device == "cuda"
        assert choose_engine(Runtime(engine=engine, device="cpu")).device == "cpu"


def test_a_gpu_asked_for_and_absent_is_an_error_that_says_what_to_install(tmp_path):
    with pytest.raises(MissingExtraError, match=r"pip install 'onnxruntime-gpu"):
        encoder_on(write_folder(tmp_path), "auto", device="cuda")


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime-int8"])
def test_an_engine_without_gpu_refuses_it(engine):
    with pytest.raises(CapabilityError, match="has no device 'cuda'; use engine='onnxruntime'"):
        choose_engine(Runtime(engine=engine, device="cuda"))


@pytest.mark.parametrize(
    ("text", "flags", "bfloat16"),
    [
        ("model name\t: X\nflags\t\t: fpu avx2\n", {"fpu", "avx2"}, False),
        ("flags\t\t: avx512f avx512_bf16\n", {"avx512f", "avx512_bf16"}, True),
        ("flags\t\t: amx_bf16 amx_tile\nflags\t\t: x\n", {"amx_bf16", "amx_tile"}, True),
        ("Features\t: fp asimd\n", set(), False),
        (None, set(), False),
    ],
)
def test_the_processors_flags_are_read_where_the_system_tells_them(tmp_path, monkeypatch, text, flags, bfloat16):
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(processor, "_FILE", tmp_path / "cpuinfo")
    processor.processor_flags.cache_clear()
    assert processor.processor_flags() == flags
    assert processor.has_bfloat16() is bfloat16
    processor.processor_flags.cache_clear()
