"""Which families of models are built as graphs, by the `model_type` of their `config.json`."""

import importlib
from typing import TYPE_CHECKING, Any

from nearfield.errors import UnsupportedModelError

if TYPE_CHECKING:
    from nearfield.encoders.graphs.architecture import Architecture

# Imported when one is met: building graphs takes a while to import.
FAMILIES = {
    "bert": "bert:Bert",
    "camembert": "roberta:Roberta",
    "distilbert": "distilbert:DistilBert",
    "modernbert": "modernbert:ModernBert",
    "mpnet": "mpnet:MPNet",
    "qwen3": "qwen3:Qwen3",
    "roberta": "roberta:Roberta",
    "t5": "t5:T5Encoder",
    "xlm-roberta": "roberta:Roberta",
}
"""`model_type` to module and class."""

# What BERT's fingerprints are made of; they stay as they are.
_BERT_KEYS = (
    "model_type",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "position_embedding_type",
    "layer_norm_eps",
    "hidden_act",
)


def find_architecture(config: dict[str, Any], *, source: str) -> "Architecture":
    """Read the architecture that a `config.json` describes.

    Args:
        config: Its content.
        source: What to call it in an error.

    Returns:
        The architecture, ready to be built.

    Raises:
        UnsupportedModelError: If it is of a family, or of a kind within its family, that is not built.
        ModelFolderError: If a value has no meaning.
    """
    return _read(config, source)[0]


def graph_settings(config: dict[str, Any]) -> dict[str, Any]:
    """Collect what of a `config.json` decides which graph the weights go through.

    Args:
        config: Its content.

    Returns:
        The values, by key.
    """
    if config.get("model_type") == "bert":
        return {key: config.get(key) for key in _BERT_KEYS}
    return _read(config, "config.json")[1]


def refuse_own_code(config: dict[str, Any], *, source: str) -> None:
    """Refuse a model whose folder brings the code that computes it.

    Args:
        config: Content of a `config.json`.
        source: What to call it in an error.

    Raises:
        UnsupportedModelError: If it names such code.
    """
    own_code = config.get("auto_map")
    if isinstance(own_code, dict) and any(name.startswith("AutoModel") for name in own_code):
        raise UnsupportedModelError(
            f"{source}: the model is computed by code of its own (auto_map), which is never run; "
            "it works when the folder holds it as onnx/model.onnx"
        )


def _read(config: dict[str, Any], source: str) -> tuple["Architecture", dict[str, Any]]:
    from nearfield.encoders.graphs.settings import Settings

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise UnsupportedModelError(
            f"{source}: model_type must be one of {', '.join(FAMILIES)}, got {kind!r}; "
            "any other model works when the folder holds it as onnx/model.onnx"
        )
    refuse_own_code(config, source=source)
    module, _, name = FAMILIES[kind].partition(":")
    family: type[Architecture] = getattr(importlib.import_module(f"nearfield.encoders.graphs.{module}"), name)
    settings = Settings(config, source)
    architecture = family.from_settings(settings)
    return architecture, {"model_type": kind, **settings.used}
