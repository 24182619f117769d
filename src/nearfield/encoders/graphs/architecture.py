"""What a family of transformer encoders must say for its graph to be built."""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

from nearfield.encoders.graphs.builder import GraphBuilder
from nearfield.encoders.graphs.settings import Settings
from nearfield.encoders.graphs.shapes import Shapes


class Architecture(ABC):
    """One model's architecture, as its `config.json` describes it.

    Attributes:
        prefix: What checkpoints of a larger model put before every name.
        stack: The name of its list of layers in the checkpoint.
        aliases: Other names under which a checkpoint may hold a tensor, mapped to the one in `shapes`.
        hidden: Width of a token's vector.
        layers: Number of layers.
    """

    prefix: ClassVar[str]
    stack: ClassVar[str]
    aliases: ClassVar[dict[str, str]] = {}

    hidden: int
    layers: int

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the architecture from a `config.json`.

        Args:
            settings: Its content.

        Returns:
            The architecture.

        Raises:
            UnsupportedModelError: If it asks for something that is not built.
            ModelFolderError: If a value has no meaning.
        """

    @abstractmethod
    def shapes(self) -> Shapes:
        """Name each tensor the graph needs, with its shape."""

    @abstractmethod
    def build(self, graph: GraphBuilder) -> list[str]:
        """Add the nodes from `input_ids` to token vectors.

        Args:
            graph: What to add to; it holds the tensors of `shapes`.

        Returns:
            `(texts * tokens, hidden)` after the embeddings and after each layer; the last is the model's result.
        """
