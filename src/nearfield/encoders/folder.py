"""Read a sentence-transformers or Hugging Face model folder: what it holds and how its vectors are made."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tokenizers import Tokenizer

from nearfield.arrays import Metric
from nearfield.encoders.base import EncoderSpec
from nearfield.errors import ModelFolderError

Pooling: TypeAlias = Literal["mean", "cls", "max", "lasttoken"]

_POOLINGS: dict[str, Pooling] = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "lasttoken"}
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_METRICS: dict[str, Metric] = {"cosine": "cosine", "dot": "dot", "euclidean": "l2"}
# sentence-transformers falls back through these for a document, in this order.
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_MODULES = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
_FALLBACK_MAX_TOKENS = 512
_NO_LIMIT = 10**9


@dataclass(frozen=True)
class ModelFolder:
    """What a model folder says about itself; the weights are not read yet.

    Attributes:
        root: The folder.
        config: `config.json`; empty where an ONNX file makes it unnecessary and it is absent.
        weights: `model.safetensors` or the ONNX file.
        tokenizer: `tokenizer.json`.
        pooling: How token vectors become one vector.
        normalise: Whether vectors are scaled to length 1.
        metric: How two vectors are meant to be compared.
        query_prompt: Text put before each query.
        document_prompt: Text put before each document.
        max_tokens: Longest input, in tokens, special tokens included.
        lowercase: Whether texts are lower-cased before the tokeniser sees them.
    """

    root: Path
    config: dict[str, Any]
    weights: Path
    tokenizer: Path
    pooling: Pooling
    normalise: bool
    metric: Metric
    query_prompt: str
    document_prompt: str
    max_tokens: int
    lowercase: bool

    @property
    def is_onnx(self) -> bool:
        """Whether the weights are an ONNX file."""
        return self.weights.suffix == ".onnx"

    @property
    def weights_bytes(self) -> int:
        """Size of the weights on disk, in bytes."""
        return sum(file.stat().st_size for file in self._weight_files())

    def spec(self, *, name: str | None, dim: int, dtype: str) -> EncoderSpec:
        """Say which space the vectors of this model are in.

        Args:
            name: What to call the encoder; the folder's name if None.
            dim: Number of dimensions of a vector.
            dtype: Precision the encoder computes in.

        Returns:
            The spec, with SHA-256 hashes of the tokeniser's file, and of the weights and what is computed with them.
        """
        # The same weights compute other vectors in another graph, or from texts in another case.
        graph = {} if self.is_onnx else {key: self.config.get(key) for key in GRAPH_KEYS}
        computation = [[file_hash(file) for file in self._weight_files()], graph, self.lowercase]
        return EncoderSpec(
            name=name or self.root.resolve().name,
            weights=hashlib.sha256(json.dumps(computation, sort_keys=True).encode()).hexdigest(),
            tokenizer=file_hash(self.tokenizer),
            dim=dim,
            metric=self.metric,
            pooling=self.pooling,
            normalise=self.normalise,
            query_prompt=self.query_prompt,
            document_prompt=self.document_prompt,
            max_tokens=self.max_tokens,
            dtype=dtype,
        )

    def _weight_files(self) -> list[Path]:
        """List the weights file and, for a large ONNX model, the file of tensors beside it."""
        beside = self.weights.with_name(f"{self.weights.name}_data")
        return [file for file in (self.weights, beside) if file.exists()]


GRAPH_KEYS = (
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
"""What of a `config.json` decides which graph the weights go through."""


def read_folder(path: str | Path) -> ModelFolder:
    """Read every configuration file of a model folder.

    A folder without `modules.json` is a bare Hugging Face model: mean pooling and no normalisation, as
    sentence-transformers does. An ONNX file is preferred over `model.safetensors`.

    Args:
        path: The folder.

    Returns:
        What the files say; the weights are found, not read.

    Raises:
        ModelFolderError: If a file is missing or damaged, or the folder asks for something not supported.
    """
    root = Path(path)
    if not root.is_dir():
        raise ModelFolderError(f"{root} is not a folder; give the folder that holds config.json and tokenizer.json")
    inner, pooling_folder, normalise = _modules(root)
    weights = _weights(inner)
    config = read_json(inner / "config.json", required=weights.suffix != ".onnx")
    pooling_config = read_json(pooling_folder / "config.json") if pooling_folder else {}
    query_prompt, document_prompt, metric = _prompts_and_metric(root)
    if pooling_config.get("include_prompt") is False and (query_prompt or document_prompt):
        raise ModelFolderError(f"{pooling_folder}/config.json leaves prompts out of pooling, which is not supported")
    tokenizer = inner / "tokenizer.json"
    if not tokenizer.is_file():
        raise ModelFolderError(f"{tokenizer} is missing; save the model with its fast tokenizer, or download it again")
    sentence_config = read_json(inner / "sentence_bert_config.json", required=False)
    return ModelFolder(
        root=root,
        config=config,
        weights=weights,
        tokenizer=tokenizer,
        pooling=_pooling(pooling_config, pooling_folder),
        normalise=normalise,
        metric=metric,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        max_tokens=_max_tokens(inner, config, sentence_config),
        lowercase=bool(sentence_config.get("do_lower_case", False)),
    )


def load_tokenizer(folder: ModelFolder) -> Tokenizer:
    """Load the tokeniser, set to cut what is too long and to pad nothing.

    Args:
        folder: The model folder.

    Returns:
        The tokeniser, which cuts at `folder.max_tokens`.

    Raises:
        ModelFolderError: If its file is damaged, or no text would fit into the maximum length.
    """
    return open_tokenizer(folder.tokenizer, folder.max_tokens)


def open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """Load a `tokenizer.json` as `load_tokenizer` does.

    Args:
        path: The file.
        max_tokens: Where to cut, special tokens included.

    Returns:
        The tokeniser.

    Raises:
        ModelFolderError: If the file is damaged, or no text would fit into the maximum length.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing more precise
        raise ModelFolderError(f"{path} is not a readable tokenizer ({error}); download it again") from error
    tokenizer.no_padding()
    if max_tokens <= tokenizer.num_special_tokens_to_add(False):
        raise ModelFolderError(f"{path.parent}: at most {max_tokens} tokens leave no room for any text")
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def file_hash(path: Path) -> str:
    """Hash a file's content: SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path} is missing; download the model again, or give another folder") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path} cannot be read as JSON ({error}); download the model again") from error


def read_json(path: Path, *, required: bool = True) -> dict[str, Any]:
    """Read a JSON object, or raise a `ModelFolderError`; an optional file that is missing is an empty one."""
    if not required and not path.exists():
        return {}
    values = _load_json(path)
    if not isinstance(values, dict):
        raise ModelFolderError(f"{path} must hold a JSON object, got {type(values).__name__}; download the model again")
    return values


def _modules(root: Path) -> tuple[Path, Path | None, bool]:
    """Find the transformer's folder, the pooling's (if any), and whether vectors are normalised."""
    file = root / "modules.json"
    if not file.exists():
        return root, None, False
    modules = _load_json(file)
    if not isinstance(modules, list) or not all(isinstance(m, dict) and "type" in m for m in modules):
        raise ModelFolderError(f"{file} must hold a list of modules with a type; download the model again")
    # The package that a module's class lives in changed between versions of sentence-transformers; its name did not.
    kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    if kinds not in _MODULES:
        raise ModelFolderError(
            f"{file} asks for the modules {', '.join(kinds) or 'none'}; supported are Transformer, Pooling and, "
            "after them, Normalize. Choose a model without the others"
        )
    paths = [root / str(module.get("path", "")) for module in modules]
    return paths[0], paths[1], len(kinds) == len(_MODULES[1])


def _weights(folder: Path) -> Path:
    for name in ("onnx/model.onnx", "model.onnx", "model.safetensors"):
        if (folder / name).is_file():
            return folder / name
    if (folder / "pytorch_model.bin").exists():
        raise ModelFolderError(
            f"{folder} holds its weights only as pytorch_model.bin, a pickle, which can run code when it is read; "
            "convert it to model.safetensors (save_pretrained with safe_serialization=True)"
        )
    raise ModelFolderError(f"{folder} holds neither model.safetensors nor onnx/model.onnx; download the model again")


def _pooling(config: dict[str, Any], folder: Path | None) -> Pooling:
    if "pooling_mode" in config:
        given = config["pooling_mode"]
        modes = given if isinstance(given, list) else [given]
    else:
        modes = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)] or ["mean"]
    if len(modes) != 1 or not isinstance(modes[0], str) or modes[0] not in _POOLINGS:
        raise ModelFolderError(
            f"{folder}/config.json asks for {' and '.join(map(str, modes))} pooling; "
            f"supported is one of {', '.join(_POOLINGS)}"
        )
    return _POOLINGS[modes[0]]


def _prompts_and_metric(root: Path) -> tuple[str, str, Metric]:
    file = root / "config_sentence_transformers.json"
    config = read_json(file, required=False)
    prompts: dict[str, str] = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(prompt, str) for prompt in prompts.values()):
        raise ModelFolderError(f"{file}: prompts must be an object of texts, got {prompts!r}; correct the file")
    default_name = config.get("default_prompt_name")
    if default_name is not None and (not isinstance(default_name, str) or default_name not in prompts):
        raise ModelFolderError(f"{file}: default_prompt_name {default_name!r} is not one of {sorted(prompts)}")
    default = "" if default_name is None else prompts[default_name]
    document = next((prompts[name] for name in _DOCUMENT_PROMPTS if name in prompts), default)
    similarity = config.get("similarity_fn_name") or "cosine"
    if not isinstance(similarity, str) or similarity not in _METRICS:
        raise ModelFolderError(f"{file}: similarity_fn_name must be one of {', '.join(_METRICS)}, got {similarity!r}")
    return prompts.get("query", default), document, _METRICS[similarity]


def _max_tokens(folder: Path, config: dict[str, Any], sentence_config: dict[str, Any]) -> int:
    tokenizer_config = read_json(folder / "tokenizer_config.json", required=False)
    longest = sentence_config.get("max_seq_length") or tokenizer_config.get("model_max_length")
    # A longer text than the model has positions for would fail in the middle of a batch.
    limits = [limit for limit in (longest, config.get("max_position_embeddings")) if limit is not None]
    if not all(isinstance(limit, int | float) and limit >= 1 for limit in limits):
        raise ModelFolderError(f"{folder}: the maximum number of tokens must be at least 1, got {limits}")
    # Tokenisers write a number such as 1e30 for no limit.
    return int(min((limit for limit in limits if limit < _NO_LIMIT), default=_FALLBACK_MAX_TOKENS))
