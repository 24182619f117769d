"""MPNet (Song et al. 2020)."""

from dataclasses import dataclass
from typing import ClassVar, Self

from nearfield.encoders.graphs.post_norm import PostNormEncoder
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import LayerNames

_BUCKETS = 32


@dataclass(frozen=True)
class MPNet(PostNormEncoder):
    """MPNet: no segments, and attention biased by how far apart two tokens stand, the same in each layer."""

    prefix: ClassVar[str] = "mpnet."
    stack: ClassVar[str] = "encoder.layer"
    names: ClassVar[LayerNames] = LayerNames(
        query="attention.attn.q",
        key="attention.attn.k",
        value="attention.attn.v",
        mix="attention.attn.o",
        attention_norm="attention.LayerNorm",
        widen="intermediate.dense",
        narrow="output.dense",
        norm="output.LayerNorm",
    )

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the architecture from a `config.json`; see `Architecture.from_settings`."""
        settings.only("relative_attention_num_buckets", _BUCKETS)  # transformers computes no other
        mpnet = cls(
            hidden=settings.whole("hidden_size"),
            layers=settings.whole("num_hidden_layers"),
            heads=settings.whole("num_attention_heads"),
            wide=settings.whole("intermediate_size"),
            words=settings.whole("vocab_size"),
            positions=settings.whole("max_position_embeddings"),
            padding=1,  # whatever pad_token_id says: transformers has it fixed
            buckets=_BUCKETS,
            activation=settings.activation("hidden_act", "gelu"),
            epsilon=settings.epsilon("layer_norm_eps", 1e-12),
        )
        settings.multiple("hidden_size", "num_attention_heads")
        return mpnet
