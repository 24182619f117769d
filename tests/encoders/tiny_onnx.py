"""An ONNX file as a folder may hold it, small enough to compute by hand."""

import numpy as np
import onnx


def _add_positions(extra_input):
    """Make what asks for positions depend on them."""
    if extra_input != "position_ids":
        return [onnx.helper.make_node("Identity", ["masked"], ["states"])]
    return [
        onnx.helper.make_node("Cast", ["position_ids"], ["positions"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Unsqueeze", ["positions", "last"], ["positions_column"]),
        onnx.helper.make_node("Add", ["masked", "positions_column"], ["states"]),
    ]


def write_onnx(folder, *, output="last_hidden_state", extra_input=None, half=False):
    """A model whose token vectors are rows of one table, times the mask; it takes the place of other weights."""
    table = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    helper, kinds = onnx.helper, onnx.TensorProto
    kind = kinds.FLOAT16 if half else kinds.FLOAT
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=kinds.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["masked"]),
        *_add_positions(extra_input),
        helper.make_node("ReduceMean", ["states", "middle"], ["sentence_embedding"], keepdims=0)
        if output == "sentence_embedding"
        else helper.make_node("Cast", ["states"], [output], to=kind),
    ]
    constants = {"table": table, "last": np.array([2]), "middle": np.array([1])}
    names = ["input_ids", "attention_mask", *([extra_input] if extra_input else [])]
    graph = helper.make_graph(
        nodes,
        "table",
        [helper.make_tensor_value_info(name, kinds.INT64, ["n", "t"]) for name in names],
        [helper.make_tensor_value_info(output, kind, None)],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    (folder / "onnx").mkdir()
    (folder / "model.safetensors").unlink(missing_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / "onnx" / "model.onnx")
    return table
