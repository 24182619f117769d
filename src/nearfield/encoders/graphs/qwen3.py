"""Qwen3 (Yang et al. 2025, arXiv:2505.09388), a decoder whose last token stands for the text."""

from dataclasses import dataclass
from typing import ClassVar, Self

from nearfield.encoders.graphs.architecture import Architecture
from nearfield.encoders.graphs.builder import GraphBuilder
from nearfield.encoders.graphs.rotary import Rotation, rotate, rotation
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import Shapes, parameters
from nearfield.errors import UnsupportedModelError

_WORDS = "embed_tokens.weight"
_FINAL_NORM = "norm"


@dataclass(frozen=True)
class Qwen3(Architecture):
    """Qwen3: a token sees those before it; several query heads share a key head.

    Attributes:
        prefix: See `Architecture`.
        stack: See `Architecture`.
        hidden: Width of a token's vector.
        layers: Number of layers.
        heads: Number of query heads.
        key_heads: Number of key and value heads, which divides `heads`.
        size: Width of a head; `heads * size` need not be `hidden`.
        wide: Width inside the feed-forward layers.
        words: Size of the vocabulary.
        theta: Base of the rotary positions.
        activation: What the gate goes through.
        epsilon: What a norm adds to a mean square.
        attention_bias: Whether the dense layers of attention have biases.
    """

    prefix: ClassVar[str] = "model."
    stack: ClassVar[str] = "layers"

    hidden: int
    layers: int
    heads: int
    key_heads: int
    size: int
    wide: int
    words: int
    theta: float
    activation: str
    epsilon: float
    attention_bias: bool

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the architecture from a `config.json`; see `Architecture.from_settings`."""
        layers, heads = settings.whole("num_hidden_layers"), settings.whole("num_attention_heads")
        settings.only("use_sliding_window", False)
        if settings.get("layer_types", []) not in ([], ["full_attention"] * layers):
            raise UnsupportedModelError(f"{settings.source}: layer_types must be full_attention in each layer")
        size = settings.whole("head_dim", 128)
        settings.even("head_dim", size)
        qwen3 = cls(
            hidden=settings.whole("hidden_size"),
            layers=layers,
            heads=heads,
            key_heads=settings.whole("num_key_value_heads"),
            size=size,
            wide=settings.whole("intermediate_size"),
            words=settings.whole("vocab_size"),
            theta=settings.rope_theta("rope_theta", 10_000.0),
            activation=settings.activation("hidden_act", "silu"),
            epsilon=settings.epsilon("rms_norm_eps", 1e-6),
            attention_bias=settings.flag("attention_bias"),
        )
        settings.multiple("num_attention_heads", "num_key_value_heads")
        return qwen3

    def shapes(self) -> Shapes:
        """Name each tensor the graph needs, with its shape."""
        hidden, queries, keys = self.hidden, self.heads * self.size, self.key_heads * self.size
        yield _WORDS, (self.words, hidden)
        for number in range(self.layers):
            layer = f"{self.stack}.{number}"
            dense = {"q_proj": (queries, hidden), "k_proj": (keys, hidden), "v_proj": (keys, hidden)}
            for name, shape in (dense | {"o_proj": (hidden, queries)}).items():
                yield from parameters(f"{layer}.self_attn.{name}", *shape, bias=self.attention_bias)
            yield f"{layer}.self_attn.q_norm.weight", (self.size,)
            yield f"{layer}.self_attn.k_norm.weight", (self.size,)
            yield f"{layer}.input_layernorm.weight", (hidden,)
            yield f"{layer}.post_attention_layernorm.weight", (hidden,)
            yield f"{layer}.mlp.gate_proj.weight", (self.wide, hidden)
            yield f"{layer}.mlp.up_proj.weight", (self.wide, hidden)
            yield f"{layer}.mlp.down_proj.weight", (hidden, self.wide)
        yield f"{_FINAL_NORM}.weight", (hidden,)

    def build(self, graph: GraphBuilder) -> list[str]:
        """Add the nodes from `input_ids` to token vectors; see `Architecture.build`."""
        turn = rotation(graph, self.size, self.theta)
        results = [graph.by_token(graph.add("Gather", _WORDS, "input_ids"), self.hidden)]
        for number in range(self.layers):
            layer = f"{self.stack}.{number}"
            normed = graph.rms_norm(results[-1], f"{layer}.input_layernorm", self.epsilon)
            states = graph.add("Add", results[-1], self._attend(graph, f"{layer}.self_attn", normed, turn))
            results.append(graph.add("Add", states, self._feed_forward(graph, layer, states)))
        results[-1] = graph.rms_norm(results[-1], _FINAL_NORM, self.epsilon)
        return results

    def _attend(self, graph: GraphBuilder, layer: str, states: str, turn: Rotation) -> str:
        def heads_of(name: str, heads: int) -> str:
            projected = graph.by_text(graph.dense(states, f"{layer}.{name}_proj"), heads * self.size)
            return graph.by_head(projected, heads, self.size)

        query = graph.rms_norm(heads_of("q", self.heads), f"{layer}.q_norm", self.epsilon)
        key = graph.rms_norm(heads_of("k", self.key_heads), f"{layer}.k_norm", self.epsilon)
        inner = self.heads * self.size
        query, key, value = (
            graph.join_heads(part, inner)
            for part in (
                rotate(graph, query, turn),
                self._shared(graph, rotate(graph, key, turn)),
                self._shared(graph, heads_of("v", self.key_heads)),
            )
        )
        mixed = graph.attention(query, key, value, heads=self.heads, unidirectional=1)
        return graph.dense(graph.by_token(mixed, inner), f"{layer}.o_proj")

    def _shared(self, graph: GraphBuilder, heads: str) -> str:
        """Repeat each key head for the query heads that share it."""
        share = self.heads // self.key_heads
        if share == 1:
            return heads
        return graph.add("Gather", heads, graph.integers(*(head // share for head in range(self.heads))), axis=2)

    def _feed_forward(self, graph: GraphBuilder, layer: str, states: str) -> str:
        normed = graph.rms_norm(states, f"{layer}.post_attention_layernorm", self.epsilon)
        gate = graph.activation(self.activation, graph.dense(normed, f"{layer}.mlp.gate_proj"))
        wide = graph.add("Mul", gate, graph.dense(normed, f"{layer}.mlp.up_proj"))
        return graph.dense(wide, f"{layer}.mlp.down_proj")
