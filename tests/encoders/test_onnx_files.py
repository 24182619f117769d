"""An ONNX model's tensors may lie in files beside it, and these count as its weights too."""

import numpy as np
import onnx
import pytest
from tiny_bert import write_folder
from tiny_onnx import write_onnx
from tiny_vision import write_onnx_folder

from nearfield.encoders.load import load_encoder
from nearfield.encoders.onnx_files import weight_files
from nearfield.encoders.vision_folder import read_vision_folder
from nearfield.errors import ModelFolderError


def move_out(folder, location, *, larger_than=64):
    """Keep a model's tensors in a file of its own, as PyTorch's exporter does with large ones."""
    file = folder / "onnx" / "model.onnx"
    onnx.save(onnx.load(file), file, save_as_external_data=True, location=location, size_threshold=larger_than)
    return file


def rename(file, location):
    """Make a model look elsewhere for its tensors."""
    model = onnx.load(file, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == "location" else entry.value
    file.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("location", ["model.onnx_data", "model.onnx.data", "weights.bin"])
def test_the_fingerprint_covers_tensors_in_another_file(tmp_path, location):
    folder = write_folder(tmp_path)
    write_onnx(folder)
    file = move_out(folder, location)
    beside = file.with_name(location)
    before = load_encoder(folder)
    assert before.weights_bytes == file.stat().st_size + beside.stat().st_size
    content = np.frombuffer(beside.read_bytes(), np.uint8).copy()
    content[:4] = np.frombuffer(np.float32(3).tobytes(), np.uint8)
    beside.write_bytes(content.tobytes())
    assert load_encoder(folder).spec.fingerprint != before.spec.fingerprint


def test_the_fingerprint_of_an_image_model_covers_them_too(tmp_path):
    folder = write_onnx_folder(tmp_path)
    move_out(folder, "model.onnx.data", larger_than=0)
    before = read_vision_folder(folder)
    digest = before.weights_hash({})
    beside = folder / "onnx" / "model.onnx.data"
    assert before.weights_bytes == beside.stat().st_size + before.weights.stat().st_size
    beside.write_bytes(beside.read_bytes() + b"\0")
    assert read_vision_folder(folder).weights_hash({}) != digest


def test_tensors_of_nodes_subgraphs_and_functions_are_found(tmp_path):
    helper = onnx.helper

    def outside(location):
        tensor = onnx.numpy_helper.from_array(np.zeros(2, np.float32), location)
        onnx.external_data_helper.set_external_data(tensor, location)
        tensor.ClearField("raw_data")
        (tmp_path / location).touch()
        return tensor

    def constant(location):
        return helper.make_node("Constant", [], [location], value=outside(location))

    inner = helper.make_graph([constant("subgraph")], "inner", [], [])
    nodes = [constant("node"), helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)]
    opset = helper.make_opsetid("", 18)
    function = helper.make_function("own", "f", [], ["function"], [constant("function")], [opset])
    sparse = helper.make_sparse_tensor(outside("values"), outside("indices"), [9])
    graph = helper.make_graph(nodes, "all", [], [], [outside("weight")], sparse_initializer=[sparse])
    file = tmp_path / "model.onnx"
    file.write_bytes(helper.make_model(graph, functions=[function]).SerializeToString())
    names = ["model.onnx", "function", "indices", "node", "subgraph", "values", "weight"]
    assert [found.name for found in weight_files(file)] == names


@pytest.mark.parametrize("location", ["../secret", "a/../../secret", "/etc/passwd", "C:\\secret", "..\\secret", "C:x"])
def test_a_file_outside_the_models_folder_is_refused(tmp_path, location):
    write_onnx(tmp_path)
    file = move_out(tmp_path, "data")
    (tmp_path / "secret").touch()
    rename(file, location)
    with pytest.raises(ModelFolderError, match="outside its own folder; use a model from a source that you trust"):
        weight_files(file)


def test_a_link_out_of_the_folder_is_followed_as_the_hubs_cache_has_them(tmp_path):
    write_onnx(tmp_path)
    file = move_out(tmp_path, "data")
    beside = file.with_name("data")
    beside.rename(tmp_path / "blob")
    beside.symlink_to(tmp_path / "blob")
    assert weight_files(file) == [file, beside]


def test_a_missing_file_and_a_damaged_model_are_named(tmp_path):
    write_onnx(tmp_path)
    file = move_out(tmp_path, "data")
    file.with_name("data").unlink()
    with pytest.raises(ModelFolderError, match=r"data, in which model\.onnx keeps tensors, is missing"):
        weight_files(file)
    file.write_bytes(b"not a model")
    with pytest.raises(ModelFolderError, match=r"model\.onnx cannot be loaded"):
        weight_files(file)


def test_other_weights_are_one_file(tmp_path):
    assert weight_files(tmp_path / "model.safetensors") == [tmp_path / "model.safetensors"]
