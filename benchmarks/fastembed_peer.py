"""fastembed over a local model folder: the ONNX file that it needs is exported from the same weights by PyTorch."""

import json
import shutil
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_NAME = "local/model"


def open_fastembed(folder: Path, work: Path, *, dim: int, max_tokens: int) -> Any:
    """Export the model and let fastembed load it.

    Args:
        folder: A sentence-transformers folder of mean pooling and normalised vectors.
        work: An empty folder for the export.
        dim: Dimensions of its vectors.
        max_tokens: Longest input, in tokens.

    Returns:
        fastembed's model.
    """
    _export(folder, work / "model.onnx")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(folder / name, work / name)
    settings = json.loads((work / "tokenizer_config.json").read_text(encoding="utf-8"))
    (work / "tokenizer_config.json").write_text(
        json.dumps(settings | {"max_length": max_tokens, "model_max_length": max_tokens}), encoding="utf-8"
    )
    fastembed, parts = import_module("fastembed"), import_module("fastembed.common.model_description")
    fastembed.TextEmbedding.add_custom_model(
        _NAME,
        pooling=parts.PoolingType.MEAN,
        normalization=True,
        sources=parts.ModelSource(hf=_NAME),
        dim=dim,
        model_file="model.onnx",
    )
    return fastembed.TextEmbedding(_NAME, specific_model_path=str(work))


def _export(folder: Path, file: Path) -> None:
    torch, transformers = import_module("torch"), import_module("transformers")
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

    class TokenVectors(torch.nn.Module):  # type: ignore[name-defined, misc]  # a module found at run time
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]

    ids = torch.ones(2, 8, dtype=torch.long)
    names = [*_INPUTS, "last_hidden_state"]
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            TokenVectors(),
            (ids, ids, ids * 0),
            str(file),
            input_names=names[:3],
            output_names=names[3:],
            dynamic_axes={name: {0: "texts", 1: "tokens"} for name in names},
            opset_version=17,
            dynamo=False,
        )
