"""What an ONNX model says of itself, whatever engine computes it: its files, and its precision."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PureWindowsPath

from nearfield.errors import ModelFolderError


def weight_files(weights: Path) -> list[Path]:
    """List the files that hold a model's tensors.

    Args:
        weights: `model.safetensors`, or an ONNX file, which may keep tensors in files beside it.

    Returns:
        The file itself, then those beside it in the order of their names.

    Raises:
        ModelFolderError: If an ONNX file is damaged, or names a file that is missing or outside its own folder.
    """
    if weights.suffix != ".onnx":
        return [weights]
    return [weights, *(_beside(weights, location) for location in sorted(_locations(weights)))]


def dtype_of(outputs: Mapping[str, str]) -> str:
    """Name the precision of a model by the types of its outputs, for a `Program`, whatever engine computes it."""
    return "float16" if "float16" in outputs.values() else "float32"


def _beside(weights: Path, location: str) -> Path:
    # Windows' rules know both slashes. A link within the folder may lead out of it: the hub's cache is made of such.
    path = PureWindowsPath(location)
    if path.anchor or ".." in path.parts:
        raise ModelFolderError(
            f"{weights} keeps tensors in {location!r}, outside its own folder; use a model from a source that you trust"
        )
    file = weights.parent / location
    if not file.is_file():
        raise ModelFolderError(f"{file}, in which {weights.name} keeps tensors, is missing; download the model again")
    return file


def _locations(weights: Path) -> set[str]:
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    def in_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
        for node in nodes:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                for graph in (attribute.g, *attribute.graphs):
                    yield from in_graph(graph)

    def in_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        yield from in_nodes(graph.node)

    try:
        model = onnx.load(weights, load_external_data=False)
    except DecodeError as error:
        raise ModelFolderError(f"{weights} cannot be loaded ({error}); download the model again") from error
    tensors = [*in_graph(model.graph), *(tensor for each in model.functions for tensor in in_nodes(each.node))]
    return {ExternalDataInfo(tensor).location for tensor in tensors if uses_external_data(tensor)}
