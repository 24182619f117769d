"""BERT (Devlin et al. 2019)."""

from dataclasses import dataclass
from typing import ClassVar, Self

from nearfield.encoders.graphs.post_norm import PostNormEncoder
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import LayerNames


@dataclass(frozen=True)
class Bert(PostNormEncoder):
    """BERT: positions from 0, two segments of which one is used."""

    prefix: ClassVar[str] = "bert."
    stack: ClassVar[str] = "encoder.layer"
    names: ClassVar[LayerNames] = LayerNames(
        query="attention.self.query",
        key="attention.self.key",
        value="attention.self.value",
        mix="attention.output.dense",
        attention_norm="attention.output.LayerNorm",
        widen="intermediate.dense",
        narrow="output.dense",
        norm="output.LayerNorm",
    )

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the architecture from a `config.json`; see `Architecture.from_settings`."""
        settings.only("position_embedding_type", "absolute")
        settings.only("is_decoder", False)
        bert = cls(
            hidden=settings.whole("hidden_size"),
            layers=settings.whole("num_hidden_layers"),
            heads=settings.whole("num_attention_heads"),
            wide=settings.whole("intermediate_size"),
            words=settings.whole("vocab_size"),
            positions=settings.whole("max_position_embeddings"),
            segments=settings.whole("type_vocab_size"),
            activation=settings.activation("hidden_act", "gelu"),
            epsilon=settings.epsilon("layer_norm_eps", 1e-12),
        )
        settings.multiple("hidden_size", "num_attention_heads")
        return bert
