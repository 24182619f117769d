"""The pre-norm transformer that ViT, DINOv2, CLIP and SigLIP share: a norm before each part of a layer.

References:
    Dosovitskiy et al. (2021), arXiv:2010.11929; Radford et al. (2021), arXiv:2103.00020.
"""

from dataclasses import dataclass
from typing import Self

from nearfield.encoders.graphs.builder import GraphBuilder
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import LayerNames, Shapes, layer_parameters


@dataclass(frozen=True)
class Tower:
    """The shape of a stack of layers, under the names that `config.json` gives it."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    layer_norm_eps: float
    hidden_act: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Validate what a `config.json` says of a stack of layers.

        Args:
            settings: Its content, defaults filled in.

        Returns:
            The fields the graph needs.

        Raises:
            UnsupportedModelError: If the activation is none that is built.
            ModelFolderError: If a field is missing or makes no sense.
        """
        tower = cls(
            hidden_size=settings.whole("hidden_size"),
            num_hidden_layers=settings.whole("num_hidden_layers"),
            num_attention_heads=settings.whole("num_attention_heads"),
            intermediate_size=settings.whole("intermediate_size"),
            hidden_act=settings.known_activation("hidden_act", settings.get("hidden_act")),
            layer_norm_eps=settings.epsilon("layer_norm_eps"),
        )
        settings.multiple("hidden_size", "num_attention_heads")
        return tower

    def shapes(self, names: LayerNames, stack: str) -> Shapes:
        """Name each tensor of the layers, with its shape."""
        return layer_parameters(
            names, stack, layers=self.num_hidden_layers, hidden=self.hidden_size, wide=self.intermediate_size
        )

    def build(self, graph: GraphBuilder, names: LayerNames, stack: str, states: str, *, causal: bool = False) -> str:
        """Add all layers.

        Args:
            graph: What to add to.
            names: What the parts of a layer are called.
            stack: What the list of layers is called.
            states: `(inputs * tokens, hidden)`.
            causal: Whether a token attends to itself and those before it only.

        Returns:
            `(inputs * tokens, hidden)`.
        """
        hidden, heads = self.hidden_size, self.num_attention_heads
        for number in range(self.num_hidden_layers):
            layer = f"{stack}.{number}."
            normed = graph.layer_norm(states, layer + names.attention_norm, self.layer_norm_eps)
            query, key, value = (
                graph.by_text(graph.dense(normed, layer + part), hidden)
                for part in (names.query, names.key, names.value)
            )
            mixed = graph.attention(query, key, value, heads=heads, unidirectional=int(causal))
            states = graph.add("Add", graph.dense(graph.by_token(mixed, hidden), layer + names.mix), states)
            normed = graph.layer_norm(states, layer + names.norm, self.layer_norm_eps)
            states = graph.add(
                "Add", self.feed_forward(graph, normed, layer + names.widen, layer + names.narrow), states
            )
        return states

    def feed_forward(self, graph: GraphBuilder, states: str, widen: str, narrow: str) -> str:
        """Add two dense layers with the activation between them."""
        return graph.dense(graph.activation(self.hidden_act, graph.dense(states, widen)), narrow)
