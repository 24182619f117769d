"""Read and write the folder of a static encoder: a table, a tokeniser, and what is done with them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from nearfield.arrays import Metric, Vectors
from nearfield.encoders.base import NO_LIMIT, EncoderSpec
from nearfield.encoders.folder import file_hash, read_prompts
from nearfield.encoders.json_files import read_json, read_json_object, whole_number
from nearfield.encoders.tokenizer_file import read_tokenizer
from nearfield.errors import ModelFolderError
from nearfield.files import make_directory, replace_file


@dataclass(frozen=True, eq=False)
class StaticFolder:
    """What the folder of a static encoder says.

    Attributes:
        root: The folder.
        inner: The folder in it that holds the table and the tokeniser; often the same.
        table: `(tokens, d)` float32, the vector of each token, whatever it is stored as.
        ignored: Token that counts for nothing: the unknown token in model2vec's layout.
        normalise: Whether vectors are scaled to length 1.
        metric: How two vectors are meant to be compared.
        max_tokens: Tokens of a text that are read.
        query_prompt: Text put before each query.
        document_prompt: Text put before each document.
    """

    root: Path
    inner: Path
    table: Vectors
    ignored: int | None
    normalise: bool
    metric: Metric
    max_tokens: int
    query_prompt: str
    document_prompt: str

    @property
    def weights_bytes(self) -> int:
        """Size of the weights on disk, in bytes."""
        return (self.inner / "model.safetensors").stat().st_size

    def spec(self, name: str) -> EncoderSpec:
        """Say which space the vectors of this model are in."""
        return EncoderSpec(
            name=name,
            weights=file_hash(self.inner / "model.safetensors"),
            tokenizer=file_hash(self.inner / "tokenizer.json"),
            dim=self.table.shape[1],
            metric=self.metric,
            normalise=self.normalise,
            query_prompt=self.query_prompt,
            document_prompt=self.document_prompt,
            max_tokens=self.max_tokens,
        )


def read_static_folder(root: Path) -> tuple[StaticFolder, Tokenizer]:
    """Read the folder of a static encoder.

    Args:
        root: The folder.

    Returns:
        What it says, and its tokeniser, which adds no special tokens, pads and truncates nothing.

    Raises:
        ModelFolderError: If a file is missing or damaged, or its parts do not belong together.
    """
    inner, normalises = _modules(root)
    if not (inner / "tokenizer.json").is_file():
        raise ModelFolderError(f"{inner}/tokenizer.json is missing; download the model again, or give another folder")
    tokenizer = read_tokenizer(inner / "tokenizer.json")
    tensors = _tensors(inner / "model.safetensors")
    config = read_json_object(inner / "config.json", required=False)
    of_model2vec = "embeddings" in tensors
    table = _table(tensors, _count_tokens(tokenizer, inner), root)
    longest = config.get("max_length")
    query_prompt, document_prompt, metric = read_prompts(root)
    folder = StaticFolder(
        root=root,
        inner=inner,
        table=table,
        ignored=_unknown_token(tokenizer) if of_model2vec else None,
        normalise=config.get("normalize") is True if normalises is None else normalises,
        metric=metric,
        max_tokens=NO_LIMIT
        if longest is None
        else min(NO_LIMIT, whole_number(longest, "max_length", f"{inner}/config.json")),
        query_prompt=query_prompt,
        document_prompt=document_prompt,
    )
    return folder, tokenizer


def write_static_folder(
    root: Path, tokenizer: Tokenizer, vectors: Vectors, *, dtype: str, config: dict[str, Any]
) -> None:
    """Write a static encoder in the layout that model2vec and sentence-transformers read too.

    Args:
        root: The folder; made if it does not exist.
        tokenizer: What cuts texts.
        vectors: `(tokens, d)` float32, the vector of each token; their lengths are their weights.
        dtype: `float32`, `float16` or `int8`. An int8 row has a scale of its own; sentence-transformers cannot read it.
        config: What else to write down in `config.json`.

    Raises:
        StorageError: If the disk refuses; the file that marks the folder as a model is written last.
    """
    make_directory(root)
    tensors: dict[str, npt.NDArray[Any]]
    if dtype == "int8":
        values, scales = quantise_rows(vectors)
        tensors = {"embeddings": values, "weights": scales}
    else:
        tensors = {"embeddings": vectors.astype(dtype)}
    settings = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "hidden_dim": vectors.shape[1],
        "embedding_dtype": dtype,
        "normalize": True,
        "max_length": None,
    }
    modules = [("0", ".", "StaticEmbedding"), ("1", "1_Normalize", "Normalize")]
    listed = [
        {"idx": number, "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (name, path, kind) in enumerate(modules)
    ]
    replace_file(root / "tokenizer.json", tokenizer.to_str().encode())
    replace_file(root / "model.safetensors", save(tensors))
    replace_file(root / "config.json", json.dumps(settings | config, indent=2).encode())
    replace_file(root / "modules.json", json.dumps(listed, indent=2).encode())


def quantise_rows(vectors: Vectors) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Round each row to int8 with a scale of its own.

    Args:
        vectors: `(n, d)` float32.

    Returns:
        `(n, d)` int8 in [-127, 127] and `(n,)` float32 scales: `values * scales[:, None]` is within half a scale of
        the vectors. A zero row has scale 0.
    """
    scales = (np.abs(vectors).max(axis=1) / 127).astype(np.float32)
    safe = np.where(scales > 0, scales, 1)[:, None]
    return np.rint(vectors / safe).astype(np.int8), scales


def _tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    names = ("embedding.weight", "embeddings", "weights", "mapping")
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in names if name in file.keys()}  # noqa: SIM118  # no mapping
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path} is missing; download the model again, or give another folder") from error
    except (SafetensorError, OSError, TypeError, ValueError, AttributeError) as error:
        raise ModelFolderError(f"{path} cannot be read ({error}); download the model again") from error


def _count_tokens(tokenizer: Tokenizer, inner: Path) -> int:
    """Count tokens, whose ids must be the whole numbers from 0."""
    vocabulary = tokenizer.get_vocab()
    highest = max(vocabulary.values(), default=-1)
    if not vocabulary or highest >= len(vocabulary):
        raise ModelFolderError(
            f"{inner}/tokenizer.json has {len(vocabulary)} tokens with ids up to {highest}; a table needs them to run "
            "from 0 without gaps"
        )
    return len(vocabulary)


def _table(tensors: dict[str, npt.NDArray[Any]], tokens: int, root: Path) -> Vectors:
    values = tensors.get("embedding.weight", tensors.get("embeddings"))
    if values is None:
        raise ModelFolderError(
            f"{root}/model.safetensors holds neither embedding.weight nor embeddings; give a static model's folder"
        )
    mapping, scales = tensors.get("mapping"), tensors.get("weights")
    if values.ndim != 2 or not values.size or values.dtype not in (np.float64, np.float32, np.float16, np.int8):
        raise ModelFolderError(f"{root}: the table must be a (tokens, d) matrix, got {values.dtype} {values.shape}")
    for name, found in (("mapping", mapping), ("weights", scales)):
        if found is not None and found.shape != (tokens,):
            raise ModelFolderError(f"{root}: {name} must have shape ({tokens},), one for each token, got {found.shape}")
    if mapping is not None and (mapping.dtype.kind not in "iu" or mapping.min() < 0 or mapping.max() >= len(values)):
        raise ModelFolderError(f"{root}: the mapping must hold rows from 0 to {len(values) - 1}")
    if mapping is None and len(values) != tokens:
        raise ModelFolderError(f"{root}: the table has {len(values)} rows, and the tokenizer {tokens} tokens")
    rows = values if mapping is None else values[mapping]
    if scales is None:
        return np.array(rows, dtype=np.float32, order="C")
    table: Vectors = np.multiply(rows, scales.astype(np.float32)[:, None], dtype=np.float32)
    return table


def _unknown_token(tokenizer: Tokenizer) -> int | None:
    if isinstance(tokenizer.model, Unigram):  # which tells its id in the file only
        unknown = json.loads(tokenizer.to_str())["model"].get("unk_id")
        return unknown if isinstance(unknown, int) else None
    token: str | None = tokenizer.model.unk_token
    return None if token is None else tokenizer.token_to_id(token)


def _modules(root: Path) -> tuple[Path, bool | None]:
    """Find the table's folder, and whether vectors are normalised; None where only `config.json` can tell."""
    if not (root / "modules.json").exists():
        return root, None
    modules = read_json(root / "modules.json")
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelFolderError(f"{root}/modules.json must hold a list of modules; download the model again")
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    if kinds not in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"]):
        raise ModelFolderError(
            f"{root}/modules.json asks for the modules {', '.join(kinds)}; supported are StaticEmbedding and, after "
            "it, Normalize"
        )
    return root / str(modules[0].get("path", "")), len(kinds) == 2
