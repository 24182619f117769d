"""Read a sentence-transformers or Hugging Face model folder: what it holds and how its vectors are made."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nearfield.arrays import Metric
from nearfield.encoders.base import EncoderSpec
from nearfield.encoders.graphs.families import find_architecture, graph_settings
from nearfield.encoders.head import Dense, Pooling
from nearfield.encoders.json_files import read_json_object
from nearfield.encoders.modules import read_modules, safe_weights
from nearfield.encoders.onnx_files import weight_files
from nearfield.encoders.tokenizer_file import find_tokenizer
from nearfield.errors import ModelFolderError, UnsupportedModelError

ONNX_FILES = ("onnx/model.onnx", "model.onnx")
"""Where a folder may hold an ONNX file, the likelier first."""

_METRICS: dict[str, Metric] = {"cosine": "cosine", "dot": "dot", "euclidean": "l2"}
# sentence-transformers falls back through these for a document, in this order.
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
# Families whose positions are counted from the row after the padding token's.
_POSITIONS_AFTER_PADDING = ("camembert", "mpnet", "roberta", "xlm-roberta")
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
        include_prompt: Whether the prompt's tokens are pooled too.
        dense: Layers after pooling.
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
    include_prompt: bool
    dense: tuple[Dense, ...]
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
    def family(self) -> str:
        """The `model_type` that is built natively; empty for an ONNX file, whose graph is its own."""
        return "" if self.is_onnx else str(self.config.get("model_type"))

    @property
    def config_file(self) -> Path:
        """Where `config.json` lies."""
        return self.tokenizer.with_name("config.json")

    @property
    def pools_prompts(self) -> bool:
        """Whether every token of a prompted text is pooled."""
        return self.include_prompt or not (self.query_prompt or self.document_prompt)

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
        graph = {} if self.is_onnx else graph_settings(self.config)
        computation = [[file_hash(file) for file in self._weight_files()], graph, self.lowercase, *self._later_steps()]
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
        """List the weights file, those in which an ONNX file keeps tensors, and those of dense layers."""
        return [*weight_files(self.weights), *(layer.weights for layer in self.dense)]

    def _later_steps(self) -> list[object]:
        """Describe what is computed only by some folders; empty for the others, whose fingerprints stay."""
        dense = [asdict(layer) | {"weights": ""} for layer in self.dense]  # hashed with the other weights
        return [dense] * bool(dense) + ["pooled without the prompt"] * (not self.pools_prompts)


def read_folder(path: str | Path) -> ModelFolder:
    """Read every configuration file of a model folder.

    A folder without `modules.json` is a bare Hugging Face model: mean pooling and no normalisation, as
    sentence-transformers does. `model.safetensors` is preferred where `config.json` describes a model that is built
    natively: it runs on every engine and gives the vectors of every layer. For any other model, and where there is no
    `model.safetensors`, the folder must hold `onnx/model.onnx` or `model.onnx`.

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
    modules = read_modules(root)
    inner = modules.transformer
    weights = _weights(inner)
    config = read_json_object(inner / "config.json", required=weights.suffix != ".onnx")
    query_prompt, document_prompt, metric = read_prompts(root)
    sentence_config = read_json_object(inner / "sentence_bert_config.json", required=False)
    return ModelFolder(
        root=root,
        config=config,
        weights=weights,
        tokenizer=find_tokenizer(inner),
        pooling=modules.pooling,
        include_prompt=modules.include_prompt,
        dense=modules.dense,
        normalise=modules.normalise,
        metric=metric,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        max_tokens=_max_tokens(inner, config, sentence_config),
        lowercase=bool(sentence_config.get("do_lower_case", False)),
    )


def why_unsupported(path: str | Path) -> str:
    """Say why a model folder has to be run by PyTorch.

    Args:
        path: The folder.

    Returns:
        What it asks for that is not computed here; empty if nothing.

    Raises:
        ModelFolderError: If it is damaged.
    """
    try:
        folder = read_folder(path)
        if not folder.is_onnx:
            find_architecture(folder.config, source=str(folder.config_file))
    except UnsupportedModelError as error:
        return str(error)
    return ""


def read_prompts(root: Path) -> tuple[str, str, Metric]:
    """Read what `config_sentence_transformers.json` says.

    Args:
        root: The model folder.

    Returns:
        The text before each query, the text before each document, and how two vectors are meant to be compared.

    Raises:
        ModelFolderError: If it is damaged.
    """
    file = root / "config_sentence_transformers.json"
    config = read_json_object(file, required=False)
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


def file_hash(path: Path) -> str:
    """Hash a file with SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _weights(folder: Path) -> Path:
    graphs = [folder / name for name in ONNX_FILES if (folder / name).is_file()]
    if not graphs or ((folder / "model.safetensors").is_file() and _is_native(folder / "config.json")):
        return safe_weights(folder)
    return graphs[0]


def _is_native(config_file: Path) -> bool:
    try:
        find_architecture(read_json_object(config_file, required=False), source=str(config_file))
    except UnsupportedModelError:
        return False
    return True


def _max_tokens(folder: Path, config: dict[str, Any], sentence_config: dict[str, Any]) -> int:
    tokenizer_config = read_json_object(folder / "tokenizer_config.json", required=False)
    longest = sentence_config.get("max_seq_length") or tokenizer_config.get("model_max_length")
    # A longer text than the model has positions for would fail in the middle of a batch.
    limits = [limit for limit in (longest, _positions(config)) if limit is not None]
    if not all(isinstance(limit, int | float) and limit >= 1 for limit in limits):
        raise ModelFolderError(f"{folder}: the maximum number of tokens must be at least 1, got {limits}")
    # Tokenisers write a number such as 1e30 for no limit.
    return int(min((limit for limit in limits if limit < _NO_LIMIT), default=_FALLBACK_MAX_TOKENS))


def _positions(config: dict[str, Any]) -> Any:  # noqa: ANN401  (whatever JSON holds; checked by the caller)
    """Say how many positions a text may take."""
    positions, padding = config.get("max_position_embeddings"), config.get("pad_token_id", 1)
    if config.get("model_type") not in _POSITIONS_AFTER_PADDING or not isinstance(positions, int):
        return positions
    return positions - padding - 1 if isinstance(padding, int) else positions
