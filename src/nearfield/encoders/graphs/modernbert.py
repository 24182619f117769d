"""ModernBERT (Warner et al. 2024, arXiv:2412.13663)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from nearfield.encoders.graphs.architecture import Architecture
from nearfield.encoders.graphs.builder import GraphBuilder
from nearfield.encoders.graphs.offsets import offset_bias
from nearfield.encoders.graphs.rotary import Rotation, rotate, rotation
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import Shapes, parameters
from nearfield.errors import ModelFolderError

_WORDS = "embeddings.tok_embeddings.weight"
_EMBEDDING_NORM = "embeddings.norm"
_FINAL_NORM = "final_norm"
_KINDS = ("full_attention", "sliding_attention")


@dataclass(frozen=True)
class ModernBert(Architecture):
    """ModernBERT: norms before each part, rotary positions, gated feed-forward layers, most layers look only nearby.

    Attributes:
        prefix: See `Architecture`.
        stack: See `Architecture`.
        hidden: Width of a token's vector.
        layers: Number of layers.
        heads: Number of attention heads.
        wide: Width inside the feed-forward layers.
        words: Size of the vocabulary.
        local: For each layer, whether a token sees only those nearby.
        window: How many tokens away is still nearby.
        global_theta: Base of the rotary positions in layers that see everything.
        local_theta: The same in layers that see nearby.
        activation: What the gate goes through.
        epsilon: What a norm adds to a variance.
        norm_bias: Whether norms shift.
        attention_bias: Whether the dense layers of attention have biases.
        mlp_bias: Whether the feed-forward layers have biases.
    """

    prefix: ClassVar[str] = "model."
    stack: ClassVar[str] = "layers"

    hidden: int
    layers: int
    heads: int
    wide: int
    words: int
    local: tuple[bool, ...]
    window: int
    global_theta: float
    local_theta: float
    activation: str
    epsilon: float
    norm_bias: bool
    attention_bias: bool
    mlp_bias: bool

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the architecture from a `config.json`; see `Architecture.from_settings`."""
        layers = settings.whole("num_hidden_layers")
        modernbert = cls(
            hidden=settings.whole("hidden_size"),
            layers=layers,
            heads=settings.whole("num_attention_heads"),
            wide=settings.whole("intermediate_size"),
            words=settings.whole("vocab_size"),
            local=_local_layers(settings, layers),
            window=settings.whole("local_attention", 128) // 2,
            global_theta=settings.rope_theta("global_rope_theta", 160_000.0, group="full_attention"),
            local_theta=settings.rope_theta("local_rope_theta", 10_000.0, group="sliding_attention"),
            activation=settings.activation("hidden_activation", "gelu"),
            epsilon=settings.epsilon("norm_eps", 1e-5),
            norm_bias=settings.flag("norm_bias"),
            attention_bias=settings.flag("attention_bias"),
            mlp_bias=settings.flag("mlp_bias"),
        )
        settings.multiple("hidden_size", "num_attention_heads")
        settings.even("hidden_size / num_attention_heads", modernbert.hidden // modernbert.heads)
        return modernbert

    def shapes(self) -> Shapes:
        """Name each tensor the graph needs, with its shape."""
        hidden = self.hidden
        yield _WORDS, (self.words, hidden)
        yield from parameters(_EMBEDDING_NORM, hidden, bias=self.norm_bias)
        for number in range(self.layers):
            layer = f"{self.stack}.{number}"
            if number:
                yield from parameters(f"{layer}.attn_norm", hidden, bias=self.norm_bias)
            yield from parameters(f"{layer}.attn.Wqkv", 3 * hidden, hidden, bias=self.attention_bias)
            yield from parameters(f"{layer}.attn.Wo", hidden, hidden, bias=self.attention_bias)
            yield from parameters(f"{layer}.mlp_norm", hidden, bias=self.norm_bias)
            yield from parameters(f"{layer}.mlp.Wi", 2 * self.wide, hidden, bias=self.mlp_bias)
            yield from parameters(f"{layer}.mlp.Wo", hidden, self.wide, bias=self.mlp_bias)
        yield from parameters(_FINAL_NORM, hidden, bias=self.norm_bias)

    def build(self, graph: GraphBuilder) -> list[str]:
        """Add the nodes from `input_ids` to token vectors; see `Architecture.build`."""
        size = self.hidden // self.heads
        everything = rotation(graph, size, self.global_theta), ""
        nearby = rotation(graph, size, self.local_theta), self._window(graph)
        states = graph.layer_norm(graph.add("Gather", _WORDS, "input_ids"), _EMBEDDING_NORM, self.epsilon)
        results = [graph.by_token(states, self.hidden)]
        for number, local in enumerate(self.local):
            layer = f"{self.stack}.{number}"
            normed = results[-1]
            if number:  # the embeddings are normed already
                normed = graph.layer_norm(normed, f"{layer}.attn_norm", self.epsilon)
            mixed = self._attend(graph, f"{layer}.attn", normed, *(nearby if local else everything))
            states = graph.add("Add", results[-1], mixed)
            results.append(graph.add("Add", states, self._feed_forward(graph, layer, states)))
        results[-1] = graph.layer_norm(results[-1], _FINAL_NORM, self.epsilon)
        return results

    def _window(self, graph: GraphBuilder) -> str:
        offsets = np.arange(-self.window - 1, self.window + 2)
        hidden = np.finfo(np.float32).min  # not -inf: an engine may add two of them
        return offset_bias(graph, np.where(abs(offsets) <= self.window, 0, hidden).astype(np.float32)[None])

    def _attend(self, graph: GraphBuilder, layer: str, states: str, turn: Rotation, bias: str) -> str:
        size = self.hidden // self.heads
        projected = graph.by_text(graph.dense(states, f"{layer}.Wqkv"), 3 * self.hidden)
        query, key, value = graph.add_many("Split", projected, count=3, axis=-1, num_outputs=3)
        query, key = (
            graph.join_heads(rotate(graph, graph.by_head(part, self.heads, size), turn), self.hidden)
            for part in (query, key)
        )
        mixed = graph.attention(query, key, value, heads=self.heads, bias=bias)
        return graph.dense(graph.by_token(mixed, self.hidden), f"{layer}.Wo")

    def _feed_forward(self, graph: GraphBuilder, layer: str, states: str) -> str:
        normed = graph.layer_norm(states, f"{layer}.mlp_norm", self.epsilon)
        wide = graph.dense(normed, f"{layer}.mlp.Wi")
        given, gate = graph.add_many("Split", wide, count=2, axis=-1, num_outputs=2)
        return graph.dense(graph.add("Mul", graph.activation(self.activation, given), gate), f"{layer}.mlp.Wo")


def _local_layers(settings: Settings, layers: int) -> tuple[bool, ...]:
    """Read which layers look only nearby: listed in a newer `config.json`, every so many in an older."""
    every = settings.whole("global_attn_every_n_layers", 3)
    given: Any = settings.get("layer_types")
    if given is None:
        return tuple(number % every != 0 for number in range(layers))
    if not isinstance(given, list) or len(given) != layers or not all(kind in _KINDS for kind in given):
        raise ModelFolderError(
            f"{settings.source}: layer_types must be a list of {layers} of {', '.join(_KINDS)}, got {given!r}"
        )
    return tuple(kind == "sliding_attention" for kind in given)
