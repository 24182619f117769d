"""The bridge to sentence-transformers, over a stand-in of it; `test_peers.py` runs the real one."""

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from tiny_bert import CONFIG, TEXTS, write_folder

from nearfield.encoders.load import load_encoder
from nearfield.encoders.sentence_transformers_engine import SentenceTransformerEncoder
from nearfield.errors import EncoderError, InvalidInputError, ModelFolderError


class StandIn:
    """As much of a SentenceTransformer as the bridge uses: a text's vector says its length and its prompt's."""

    max_seq_length = 6
    dim = 3

    def __init__(self, path, *, device, trust_remote_code, local_files_only, model_kwargs):
        self.asked = SimpleNamespace(path=path, device=device)
        assert (trust_remote_code, local_files_only, model_kwargs) == (False, True, {"use_safetensors": True})
        if "broken" in path:
            raise OSError("no such thing")

    def __getitem__(self, index):
        return self

    @property
    def tokenizer(self):
        def tokenizer(text, *, verbose):
            return {"input_ids": [0, *text.split(), 1]}

        tokenizer.model_max_length = 10**30
        return tokenizer

    def parameters(self):
        return iter([SimpleNamespace(dtype="torch.bfloat16")])

    def get_embedding_dimension(self):
        return self.dim

    def encode(self, texts, *, prompt, show_progress_bar, convert_to_numpy):
        return np.array([[len(text), len(prompt), 1] for text in texts], dtype=np.float64)


@pytest.fixture
def installed(monkeypatch):
    """Put the stand-ins where the bridge imports from; gives what was told to PyTorch."""
    told = []
    torch = ModuleType("torch")
    torch.cuda = SimpleNamespace(is_available=lambda: False)
    torch.set_num_threads = told.append
    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = StandIn
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    return told


@pytest.fixture
def folder(tmp_path):
    config = CONFIG | {"model_type": "electra"}
    return write_folder(tmp_path, config=config, prompts={"query": "w7 w8 ", "document": "w9 "})


def test_a_folder_that_is_not_built_is_run_by_sentence_transformers(folder, installed):
    encoder = load_encoder(folder, device="cpu", threads=1)
    assert isinstance(encoder, SentenceTransformerEncoder)
    assert encoder._model.asked == SimpleNamespace(path=str(folder), device="cpu")
    assert installed == [1]
    spec = encoder.spec
    assert (spec.dim, spec.max_tokens, spec.dtype, spec.metric, spec.normalise) == (3, 6, "bfloat16", "cosine", False)
    assert encoder.weights_bytes == (folder / "model.safetensors").stat().st_size


def test_prompts_are_given_explicitly_and_order_is_kept(folder, installed):
    encoder = load_encoder(folder)
    seen = []
    found = encoder.encode(TEXTS, progress=lambda *step: seen.append(step))
    np.testing.assert_array_equal(found, [[len(text), 0, 1] for text in TEXTS])
    assert found.dtype == np.float32
    assert seen == [("encoding", 0, 7), ("encoding", 7, 7)]
    assert encoder.encode_query(["w1"]).tolist() == [[2, 6, 1]]
    assert encoder.encode_document(["w1"]).tolist() == [[2, 3, 1]]
    assert encoder.encode([]).shape == (0, 3)


def test_inspection_counts_tokens_that_would_be_cut(folder, installed):
    encoder = load_encoder(folder)
    cut, blank = encoder.inspect(["w1 w2 w3", " "], role="query")
    assert (cut.tokens, cut.truncated, cut.empty) == (7, True, False)
    assert (blank.tokens, blank.truncated, blank.empty) == (4, False, True)
    with pytest.raises(InvalidInputError, match="role must be one of"):
        encoder.inspect(["w1"], role="passage")


def test_the_fingerprint_follows_every_file_that_decides_a_vector(folder, installed):
    before = load_encoder(folder).spec
    assert load_encoder(f"{folder}/").spec.fingerprint == before.fingerprint
    for name in ("config.json", "1_Pooling/config.json", "tokenizer.json"):
        content = (folder / name).read_text()
        (folder / name).write_text(content + " ")
        assert load_encoder(folder).spec.fingerprint != before.fingerprint
        (folder / name).write_text(content)
    assert load_encoder(folder).spec.fingerprint == before.fingerprint


def test_without_the_library_the_three_ways_are_told(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelFolderError, match=r"model_type must be one of bert.*onnx/model.onnx.*nearfield\[torch\]"):
        load_encoder(folder)


def test_code_of_the_folder_is_never_run(folder, installed):
    config = CONFIG | {"auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFolderError, match=r"code of its own \(auto_map\), which is never run.*onnx/model.onnx"):
        load_encoder(folder)


def test_modules_of_the_folder_are_never_run(folder, installed):
    modules = [{"type": "own_code.Transformer", "path": ""}, {"type": "own_code.Weighting", "path": ""}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelFolderError, match=r"the module own_code\.Transformer is code of its own"):
        load_encoder(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin"])
def test_pickled_weights_of_a_module_are_refused(folder, installed, name):
    (folder / "1_Pooling" / name).touch()
    with pytest.raises(ModelFolderError, match=rf"{name} is a pickle.*nearfield convert"):
        load_encoder(folder)


def test_what_the_library_cannot_load_is_a_folder_error(folder, installed, tmp_path):
    broken = folder.rename(folder.with_name("broken"))
    with pytest.raises(ModelFolderError, match=r"cannot be loaded by sentence-transformers \(no such thing"):
        load_encoder(broken)


def test_an_unknown_dimension_is_an_error(folder, installed, monkeypatch):
    monkeypatch.setattr(StandIn, "dim", None)
    with pytest.raises(ModelFolderError, match="does not say how many dimensions"):
        load_encoder(folder)


def test_a_gpu_that_is_not_there_is_an_input_error(folder, installed):
    with pytest.raises(InvalidInputError, match="PyTorch sees no GPU"):
        load_encoder(folder, device="cuda")


def test_unusable_vectors_are_an_error(folder, installed, monkeypatch):
    monkeypatch.setattr(StandIn, "encode", lambda self, texts, **_: np.full((len(texts), 3), np.nan))
    with pytest.raises(EncoderError, match="unusable vectors"):
        load_encoder(folder).encode(["w1"])
