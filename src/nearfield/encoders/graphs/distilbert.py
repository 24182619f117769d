"""DistilBERT (Sanh et al. 2019)."""

from dataclasses import dataclass
from typing import ClassVar, Self

from nearfield.encoders.graphs.post_norm import PostNormEncoder
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import LayerNames

_EPSILON = 1e-12  # not in its config.json


@dataclass(frozen=True)
class DistilBert(PostNormEncoder):
    """DistilBERT: BERT of fewer layers, without segments."""

    prefix: ClassVar[str] = "distilbert."
    stack: ClassVar[str] = "transformer.layer"
    names: ClassVar[LayerNames] = LayerNames(
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        mix="attention.out_lin",
        attention_norm="sa_layer_norm",
        widen="ffn.lin1",
        narrow="ffn.lin2",
        norm="output_layer_norm",
    )

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the architecture from a `config.json`; see `Architecture.from_settings`."""
        distilbert = cls(
            hidden=settings.whole("dim"),
            layers=settings.whole("n_layers"),
            heads=settings.whole("n_heads"),
            wide=settings.whole("hidden_dim"),
            words=settings.whole("vocab_size"),
            positions=settings.whole("max_position_embeddings"),
            activation=settings.activation("activation", "gelu"),
            epsilon=_EPSILON,
        )
        settings.multiple("dim", "n_heads")
        return distilbert
