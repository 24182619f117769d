import pickle
import sys

import numpy as np
import pytest
from tiny_bert import TEXTS, random_weights, write_folder

from nearfield.encoders.load import load_encoder
from nearfield.encoders.pickles import convert_pickles
from nearfield.errors import MissingExtraError, ModelFolderError


def test_a_folder_without_pickles_has_nothing_to_convert(tmp_path):
    with pytest.raises(ModelFolderError, match="nothing to convert"):
        convert_pickles(write_folder(tmp_path))


def test_without_pytorch_the_command_to_install_it_is_told(tmp_path, monkeypatch):
    (tmp_path / "pytorch_model.bin").touch()
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[torch\]'"):
        convert_pickles(tmp_path)


@pytest.mark.peers
def test_converted_weights_give_the_same_vectors(tmp_path):
    torch = pytest.importorskip("torch")
    expected = load_encoder(write_folder(tmp_path)).encode(TEXTS)
    weights = tmp_path / "model.safetensors"
    weights.unlink()
    torch.save(
        {name: torch.from_numpy(tensor) for name, tensor in random_weights().items()}, tmp_path / "pytorch_model.bin"
    )
    with pytest.raises(ModelFolderError, match="nearfield convert"):
        load_encoder(tmp_path)
    assert convert_pickles(tmp_path) == [weights]
    np.testing.assert_array_equal(load_encoder(tmp_path).encode(TEXTS), expected)


class Runs:
    def __reduce__(self):
        return print, ("this must not run",)


@pytest.mark.peers
def test_a_pickle_that_runs_code_is_refused(tmp_path, capsys):
    torch = pytest.importorskip("torch")
    torch.save({"weights": Runs()}, tmp_path / "pytorch_model.bin", pickle_module=pickle)
    with pytest.raises(ModelFolderError, match="more than tensors, or is damaged"):
        convert_pickles(tmp_path)
    assert "must not run" not in capsys.readouterr().out
    assert not (tmp_path / "model.safetensors").exists()
