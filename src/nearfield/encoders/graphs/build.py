"""From a model folder to an ONNX model, whose weights are handed to the engine beside it."""

from collections.abc import Sequence

from nearfield.encoders.folder import ModelFolder
from nearfield.encoders.graphs.architecture import Architecture
from nearfield.encoders.graphs.builder import GraphBuilder, Weights
from nearfield.encoders.graphs.families import find_architecture
from nearfield.encoders.graphs.weights import read_tensors, read_weights
from nearfield.encoders.head import Dense, DenseWeights, Head, Pooling
from nearfield.errors import InvalidInputError

VECTORS_OUTPUT = "sentence_embedding"
STATES_OUTPUT = "token_embeddings"


def build_encoder(folder: ModelFolder) -> tuple[bytes, Weights]:
    """Build the graph from token ids to text vectors.

    The weights stay outside the graph, so that they exist once in memory and the 2 GB limit of an ONNX file does
    not apply; any engine that takes external initializers can run it.

    Args:
        folder: A model folder with `model.safetensors`, of a family in `FAMILIES`.

    Returns:
        The serialised model, with input `input_ids` `(texts, tokens)` int64 without padding and output
        `sentence_embedding` `(texts, dim)` float32, and the initializers to hand to the engine beside it.

    Raises:
        UnsupportedModelError: If `config.json` asks for something that is not built.
        ModelFolderError: If the weights are damaged or not those that `config.json` describes.
    """
    architecture, graph = _start(folder)
    states = graph.by_text(architecture.build(graph)[-1], architecture.hidden)
    vectors = _pool(graph, states, folder.pooling)
    for number, layer in enumerate(folder.dense):
        vectors = _dense(graph, vectors, layer, f"dense.{number}")
    if folder.normalise:
        vectors = graph.add("LpNormalization", vectors, axis=-1, p=2)
    dim = folder.dense[-1].out if folder.dense else architecture.hidden
    return graph.serialise({VECTORS_OUTPUT: vectors}, [("texts", dim)]), graph.weights


def build_states(folder: ModelFolder, *, layers: Sequence[int] = (-1,)) -> tuple[bytes, Weights]:
    """Build the graph from token ids to the token vectors of chosen layers.

    Args:
        folder: As for `build_encoder`.
        layers: Which to give: 0 is the embeddings, 1 the first layer; negative counts from the last layer, so -1 is
            what the model gives.

    Returns:
        The serialised model, with input `input_ids` `(texts, tokens)` int64 without padding and, in the order of
        `layers`, outputs `token_embeddings_0`, `token_embeddings_1`, ... `(texts, tokens, hidden)` float32, and the
        initializers to hand to the engine beside it.

    Raises:
        InvalidInputError: If no layer is given, or there is none of that number.
        UnsupportedModelError: If `config.json` asks for something that is not built.
        ModelFolderError: If the weights are damaged or not those that `config.json` describes.
    """
    architecture, graph = _start(folder)
    last = architecture.layers
    if not layers or not all(-last - 1 <= number <= last for number in layers):
        raise InvalidInputError(f"layers must be from {-last - 1} to {last}, at least one, got {list(layers)}")
    states = architecture.build(graph)
    outputs = {
        f"{STATES_OUTPUT}_{position}": graph.by_text(states[number], architecture.hidden)
        for position, number in enumerate(layers)
    }
    return graph.serialise(outputs, [("texts", "tokens", architecture.hidden)] * len(outputs)), graph.weights


def read_head(folder: ModelFolder) -> Head:
    """Read what turns token vectors into text vectors outside a graph.

    Args:
        folder: A model folder.

    Returns:
        The pooling, dense layers and normalisation, ready to be computed.

    Raises:
        ModelFolderError: If the weights of a dense layer are damaged or not those that its `config.json` describes.
    """
    dense = []
    for layer in folder.dense:
        tensors = read_tensors(layer.weights, layer.shapes().items())
        dense.append(DenseWeights(tensors["linear.weight"], tensors.get("linear.bias"), layer.activation))
    return Head(folder.pooling, tuple(dense), folder.normalise)


def _start(folder: ModelFolder) -> tuple[Architecture, GraphBuilder]:
    architecture = find_architecture(folder.config, source=str(folder.config_file))
    return architecture, GraphBuilder(read_weights(folder.weights, architecture))


def _pool(graph: GraphBuilder, states: str, pooling: Pooling) -> str:
    """Reduce `(texts, tokens, hidden)` to `(texts, hidden)`; `Head` computes the same."""
    if pooling in ("cls", "lasttoken"):
        return graph.token(states, 0 if pooling == "cls" else -1)
    tokens = graph.integers(1)
    if pooling == "max":
        return graph.add("ReduceMax", states, tokens, keepdims=0)
    if pooling == "weightedmean":
        weights = graph.as_floats(graph.add("Add", graph.numbers(), graph.integer(1)))
        weights = graph.add("Div", weights, graph.add("ReduceSum", weights, keepdims=1))
        weights = graph.add("Unsqueeze", weights, graph.integers(0, 2))
        return graph.add("ReduceSum", graph.add("Mul", states, weights), tokens, keepdims=0)
    mean = graph.add("ReduceMean", states, tokens, keepdims=0)
    if pooling == "mean":
        return mean
    length = graph.add("Sqrt", graph.as_floats(graph.add("Shape", "input_ids", start=1)))
    return graph.add("Mul", mean, length)


def _dense(graph: GraphBuilder, vectors: str, layer: Dense, name: str) -> str:
    tensors = read_tensors(layer.weights, layer.shapes().items())
    graph.weights |= {key.replace("linear", name): tensor for key, tensor in tensors.items()}
    vectors = graph.dense(vectors, name)
    return vectors if layer.activation == "identity" else graph.activation(layer.activation, vectors)
