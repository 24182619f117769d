"""Names the tensors that a graph needs, with the shapes they must have."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Shapes: TypeAlias = Iterator[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class LayerNames:
    """What a family calls the parts of a layer in its checkpoints.

    Attributes:
        query: The dense layer whose result looks.
        key: The one whose result is looked at.
        value: The one whose result is taken.
        mix: The one after the attention.
        attention_norm: The norm before or after the attention.
        widen: The first feed-forward layer.
        narrow: The second.
        norm: The norm before or after the feed-forward layers.
    """

    query: str
    key: str
    value: str
    mix: str
    attention_norm: str
    widen: str
    narrow: str
    norm: str


def parameters(name: str, *shape: int, bias: bool = True) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name the tensors of a dense layer, a convolution or a norm.

    Args:
        name: What the checkpoint calls it.
        *shape: Of its weight; that of a dense layer is `(out, into)`, as PyTorch stores it.
        bias: Whether it has a bias.

    Yields:
        The weight and, where there is one, the bias.
    """
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", shape[:1]


def layer_parameters(
    names: LayerNames, stack: str, *, layers: int, hidden: int, wide: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name the tensors of a stack of layers whose every part has a bias.

    Args:
        names: What the parts of a layer are called.
        stack: What the stack is called.
        layers: Number of layers.
        hidden: Width of a token's vector.
        wide: Width inside the feed-forward layers.

    Yields:
        Each tensor and its shape.
    """
    for number in range(layers):
        layer = f"{stack}.{number}."
        for name in (names.query, names.key, names.value, names.mix):
            yield from parameters(layer + name, hidden, hidden)
        yield from parameters(layer + names.attention_norm, hidden)
        yield from parameters(layer + names.widen, wide, hidden)
        yield from parameters(layer + names.narrow, hidden, wide)
        yield from parameters(layer + names.norm, hidden)
