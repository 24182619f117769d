"""The encoder of T5 (Raffel et al. 2020), version 1.0 and 1.1; Instructor and sentence-t5 are made of it."""

from dataclasses import dataclass
from typing import ClassVar, Self

from nearfield.encoders.graphs.architecture import Architecture
from nearfield.encoders.graphs.builder import GraphBuilder
from nearfield.encoders.graphs.offsets import bucket_of_offset, offset_bias
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import Shapes
from nearfield.errors import UnsupportedModelError

_WORDS = "shared.weight"
_BUCKETS = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
_FINAL_NORM = "encoder.final_layer_norm"


@dataclass(frozen=True)
class T5Encoder(Architecture):
    """T5's encoder: norms before each part, no positions but a bias on attention, no biases in dense layers.

    Attributes:
        prefix: See `Architecture`.
        stack: See `Architecture`.
        aliases: See `Architecture`.
        hidden: Width of a token's vector.
        layers: Number of layers.
        heads: Number of attention heads.
        size: Width of a head; `heads * size` need not be `hidden`.
        wide: Width inside the feed-forward layers.
        words: Size of the vocabulary.
        buckets: Number of buckets of relative positions.
        farthest: Distance in tokens from which all share a bucket.
        activation: What stands between the feed-forward layers.
        gated: Whether a second layer's result is multiplied with what the activation gives.
        epsilon: What a norm adds to a mean square.
    """

    prefix: ClassVar[str] = ""
    stack: ClassVar[str] = "encoder.block"
    # One table under two names; a safetensors file keeps either.
    aliases: ClassVar[dict[str, str]] = {"encoder.embed_tokens.weight": _WORDS}

    hidden: int
    layers: int
    heads: int
    size: int
    wide: int
    words: int
    buckets: int
    farthest: int
    activation: str
    gated: bool
    epsilon: float

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the architecture from a `config.json`; see `Architecture.from_settings`."""
        feed_forward = settings.get("feed_forward_proj", "relu")
        gate, _, activation = str(feed_forward).rpartition("-")
        if gate not in ("", "gated"):
            raise UnsupportedModelError(f"{settings.source}: feed_forward_proj must not be {feed_forward!r}")
        if (gate, activation) == ("gated", "gelu"):
            activation = "gelu_new"  # what the authors of T5 1.1 mean by it
        buckets = settings.whole("relative_attention_num_buckets", 32, least=4)
        return cls(
            hidden=settings.whole("d_model"),
            layers=settings.whole("num_layers"),
            heads=settings.whole("num_heads"),
            size=settings.whole("d_kv"),
            wide=settings.whole("d_ff"),
            words=settings.whole("vocab_size"),
            buckets=buckets,
            farthest=settings.whole("relative_attention_max_distance", 128, least=buckets),
            activation=settings.known_activation("feed_forward_proj", activation),
            gated=gate == "gated",
            epsilon=settings.epsilon("layer_norm_epsilon", 1e-6),
        )

    def shapes(self) -> Shapes:
        """Name each tensor the graph needs, with its shape."""
        inner = self.heads * self.size
        yield _WORDS, (self.words, self.hidden)
        yield _BUCKETS, (self.buckets, self.heads)
        for number in range(self.layers):
            attention, feed_forward = (f"{self.stack}.{number}.layer.{part}" for part in (0, 1))
            for name in "qkv":
                yield f"{attention}.SelfAttention.{name}.weight", (inner, self.hidden)
            yield f"{attention}.SelfAttention.o.weight", (self.hidden, inner)
            yield f"{attention}.layer_norm.weight", (self.hidden,)
            for name in ("wi_0", "wi_1") if self.gated else ("wi",):
                yield f"{feed_forward}.DenseReluDense.{name}.weight", (self.wide, self.hidden)
            yield f"{feed_forward}.DenseReluDense.wo.weight", (self.hidden, self.wide)
            yield f"{feed_forward}.layer_norm.weight", (self.hidden,)
        yield f"{_FINAL_NORM}.weight", (self.hidden,)

    def build(self, graph: GraphBuilder) -> list[str]:
        """Add the nodes from `input_ids` to token vectors; see `Architecture.build`."""
        buckets = graph.weights.pop(_BUCKETS)
        bias = offset_bias(graph, buckets[bucket_of_offset(self.buckets, self.farthest)].T)
        states = [graph.by_token(graph.add("Gather", _WORDS, "input_ids"), self.hidden)]
        for number in range(self.layers):
            mixed = self._attend(graph, f"{self.stack}.{number}.layer.0", states[-1], bias)
            states.append(self._feed_forward(graph, f"{self.stack}.{number}.layer.1", mixed))
        states[-1] = graph.rms_norm(states[-1], _FINAL_NORM, self.epsilon)
        return states

    def _attend(self, graph: GraphBuilder, layer: str, states: str, bias: str) -> str:
        inner = self.heads * self.size
        normed = graph.rms_norm(states, f"{layer}.layer_norm", self.epsilon)
        query, key, value = (
            graph.by_text(graph.dense(normed, f"{layer}.SelfAttention.{name}"), inner) for name in "qkv"
        )
        # T5 divides no score by the square root of a head's width; its weights were trained so.
        mixed = graph.attention(query, key, value, heads=self.heads, bias=bias, scale=1.0)
        mixed = graph.dense(graph.by_token(mixed, inner), f"{layer}.SelfAttention.o")
        return graph.add("Add", states, mixed)

    def _feed_forward(self, graph: GraphBuilder, layer: str, states: str) -> str:
        normed = graph.rms_norm(states, f"{layer}.layer_norm", self.epsilon)
        dense = f"{layer}.DenseReluDense"
        wide = graph.activation(self.activation, graph.dense(normed, f"{dense}.{'wi_0' if self.gated else 'wi'}"))
        if self.gated:
            wide = graph.add("Mul", wide, graph.dense(normed, f"{dense}.wi_1"))
        return graph.add("Add", states, graph.dense(wide, f"{dense}.wo"))
