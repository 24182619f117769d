"""The original encoder layer (Vaswani et al. 2017): a norm after attention and after the feed-forward layers.

BERT, RoBERTa, MPNet and DistilBERT are this with other names, other positions, or a bias on attention.
"""

from dataclasses import dataclass
from typing import ClassVar

from nearfield.encoders.graphs.architecture import Architecture
from nearfield.encoders.graphs.builder import GraphBuilder
from nearfield.encoders.graphs.offsets import bucket_of_offset, offset_bias
from nearfield.encoders.graphs.shapes import LayerNames, Shapes, layer_parameters, parameters

_WORDS = "embeddings.word_embeddings.weight"
_POSITIONS = "embeddings.position_embeddings.weight"
_SEGMENTS = "embeddings.token_type_embeddings.weight"
_EMBEDDING_NORM = "embeddings.LayerNorm"
_BUCKETS = "encoder.relative_attention_bias.weight"
_FARTHEST = 128  # tokens; beyond, all distances share a bucket


@dataclass(frozen=True)
class PostNormEncoder(Architecture):
    """A stack of post-norm layers over summed embeddings.

    Attributes:
        names: What the family calls the parts of a layer.
        hidden: Width of a token's vector.
        layers: Number of layers.
        heads: Number of attention heads.
        wide: Width inside the feed-forward layers.
        words: Size of the vocabulary.
        positions: Number of rows of the position table.
        activation: What stands between the feed-forward layers.
        epsilon: What a norm adds to a variance.
        segments: Number of segment vectors; 0 for none.
        padding: The padding token's id where positions are counted from the row after it; None for row 0.
        buckets: Number of buckets of relative positions; 0 for none.
    """

    names: ClassVar[LayerNames]

    hidden: int
    layers: int
    heads: int
    wide: int
    words: int
    positions: int
    activation: str
    epsilon: float
    segments: int = 0
    padding: int | None = None
    buckets: int = 0

    def shapes(self) -> Shapes:
        """Name each tensor the graph needs, with its shape."""
        yield _WORDS, (self.words, self.hidden)
        yield _POSITIONS, (self.positions, self.hidden)
        if self.segments:
            yield _SEGMENTS, (self.segments, self.hidden)
        if self.buckets:
            yield _BUCKETS, (self.buckets, self.heads)
        yield from parameters(_EMBEDDING_NORM, self.hidden)
        yield from layer_parameters(self.names, self.stack, layers=self.layers, hidden=self.hidden, wide=self.wide)

    def build(self, graph: GraphBuilder) -> list[str]:
        """Add the nodes from `input_ids` to token vectors; see `Architecture.build`."""
        states = [self._embed(graph)]
        bias = self._relative_bias(graph) if self.buckets else ""
        for number in range(self.layers):
            states.append(self._layer(graph, f"{self.stack}.{number}.", states[-1], bias))
        return states

    def _embed(self, graph: GraphBuilder) -> str:
        if self.segments:
            # One text is always the first segment, so its segment vector is part of every position's.
            graph.weights[_POSITIONS] = graph.weights[_POSITIONS] + graph.weights.pop(_SEGMENTS)[0]
        words = graph.add("Gather", _WORDS, "input_ids")
        positions = self._positions(graph)
        states = graph.layer_norm(graph.add("Add", words, positions), _EMBEDDING_NORM, self.epsilon)
        return graph.by_token(states, self.hidden)

    def _positions(self, graph: GraphBuilder) -> str:
        if self.padding is None:
            tokens = graph.add("Shape", "input_ids", start=1)
            return graph.add("Slice", _POSITIONS, graph.integers(0), tokens)
        # A text may spell the padding token out; those are not counted, and keep the padding's own row.
        is_padding = graph.add("Equal", "input_ids", graph.integer(self.padding))
        counted = graph.as_integers(graph.add("Not", is_padding))
        numbers = graph.add("Mul", graph.add("CumSum", counted, graph.integer(1)), counted)
        return graph.add("Gather", _POSITIONS, graph.add("Add", numbers, graph.integer(self.padding)))

    def _relative_bias(self, graph: GraphBuilder) -> str:
        buckets = graph.weights.pop(_BUCKETS)
        return offset_bias(graph, buckets[bucket_of_offset(self.buckets, _FARTHEST)].T)

    def _layer(self, graph: GraphBuilder, layer: str, states: str, bias: str) -> str:
        names = self.names
        # Three dense layers cost no more than one of three times the width, which would need a Split and a second
        # copy of the weights.
        query, key, value = (
            graph.by_text(graph.dense(states, layer + part), self.hidden)
            for part in (names.query, names.key, names.value)
        )
        mixed = graph.by_token(graph.attention(query, key, value, heads=self.heads, bias=bias), self.hidden)
        # Not SkipLayerNormalization: ONNX Runtime's takes five times as long on a CPU as an Add and a
        # LayerNormalization.
        mixed = graph.add("Add", graph.dense(mixed, layer + names.mix), states)
        states = graph.layer_norm(mixed, layer + names.attention_norm, self.epsilon)
        wide = graph.activation(self.activation, graph.dense(states, layer + names.widen))
        wide = graph.add("Add", graph.dense(wide, layer + names.narrow), states)
        return graph.layer_norm(wide, layer + names.norm, self.epsilon)
