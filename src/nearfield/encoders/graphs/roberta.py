"""RoBERTa (Liu et al. 2019) and XLM-RoBERTa (Conneau et al. 2020)."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from nearfield.encoders.graphs.bert import Bert
from nearfield.encoders.graphs.settings import Settings


@dataclass(frozen=True)
class Roberta(Bert):
    """RoBERTa: BERT whose positions are counted from the row after the padding token's."""

    prefix: ClassVar[str] = "roberta."

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the architecture from a `config.json`; see `Architecture.from_settings`."""
        bert = super().from_settings(settings)
        return replace(bert, padding=settings.whole("pad_token_id", 1, least=0))
