"""sentence-transformers on PyTorch, for model folders that are neither built here nor hold an ONNX file."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError

from nearfield.arrays import Vectors
from nearfield.encoders.base import EncoderSpec, Item, Role, TextInspection, as_texts, check_vectors, prompt_for
from nearfield.encoders.defaults import entry_for
from nearfield.encoders.folder import file_hash, read_prompts, why_unsupported
from nearfield.encoders.graphs.families import refuse_own_code
from nearfield.encoders.json_files import read_json, read_json_object
from nearfield.encoders.options import DEFAULT_RUNTIME, Runtime
from nearfield.errors import InvalidInputError, ModelFolderError
from nearfield.progress import Progress, silent

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_CHUNK = 512  # texts between two reports of progress; sentence-transformers sorts within them by length
_TOKENIZER_FILES = ("tokenizer", "special_tokens", "added_tokens", "vocab", "merges", "spiece", "sentencepiece")
_LOAD_ERRORS = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, ImportError, SafetensorError)


class SentenceTransformerEncoder:
    """Encodes texts with sentence-transformers; made by `from_folder`.

    Prompts are those of the folder, given to it explicitly; code that a folder brings is never run.

    Args:
        model: The loaded model.
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.

    Attributes:
        spec: Which space the vectors are in.
        weights_bytes: Size of the weights on disk, in bytes.
    """

    spec: EncoderSpec
    weights_bytes: int

    def __init__(self, model: "SentenceTransformer", spec: EncoderSpec, *, weights_bytes: int) -> None:
        self.spec = spec
        self.weights_bytes = weights_bytes
        self._model = model

    @classmethod
    def from_folder(
        cls, path: str | Path, *, name: str | None = None, runtime: Runtime = DEFAULT_RUNTIME
    ) -> "SentenceTransformerEncoder":
        """Load any folder that sentence-transformers can load without running code from it.

        Args:
            path: The folder; its weights must be safetensors.
            name: What to call the encoder; the folder's name if not given.
            runtime: Its device, and its threads, which PyTorch then uses in the whole process.

        Returns:
            The encoder, ready to encode.

        Raises:
            ModelFolderError: If the folder is damaged, holds pickled weights or code of its own, or
                sentence-transformers is not installed.
            InvalidInputError: If there is no such device, or an engine is asked for.
        """
        if runtime.engine != "auto":
            raise InvalidInputError(
                f"{path} is of a kind that only PyTorch computes, through sentence-transformers; engine="
                f"{runtime.engine} cannot run it, leave it out"
            )
        root = Path(path)
        _refuse_code_and_pickles(root)
        load = _importable(root)
        model = _load(load, root, runtime)
        dim = model.get_embedding_dimension()
        spec = _spec(model, root, name or root.resolve().name, dim)
        return cls(model, spec, weights_bytes=sum(file.stat().st_size for file in root.rglob("*.safetensors")))

    def encode(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as they are, without any prompt.

        Args:
            texts: Any number of texts; what is longer than `spec.max_tokens` is cut.
            progress: Called with `"encoding"` after each chunk.

        Returns:
            `(n, dim)` float32, in the order of the texts.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings.
            EncoderError: If the model gives NaN or infinity.
        """
        return self._encode(as_texts(texts), "", progress)

    def encode_query(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as queries: `encode` with the query prompt before each."""
        return self._encode(as_texts(texts), self.spec.query_prompt, progress)

    def encode_document(self, texts: Sequence[Item], *, progress: Progress = silent) -> Vectors:
        """Encode texts as documents: `encode` with the document prompt before each."""
        return self._encode(as_texts(texts), self.spec.document_prompt, progress)

    def inspect(self, texts: Sequence[Item], *, role: Role = "document") -> list[TextInspection]:
        """Count the tokens of each text under the prompt of its role.

        Args:
            texts: Any number of texts.
            role: Whose prompt to count.

        Returns:
            One inspection per text, in order.

        Raises:
            InvalidInputError: If `texts` is not a sequence of strings, or `role` is unknown.
        """
        prompt = prompt_for(self.spec, role)
        inspections = []
        for text in as_texts(texts):
            tokens = len(self._model.tokenizer(prompt + text, verbose=False)["input_ids"])
            inspections.append(TextInspection(tokens, tokens > self.spec.max_tokens, not text.strip()))
        return inspections

    def _encode(self, texts: list[str], prompt: str, progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.spec.dim), dtype=np.float32)
        progress("encoding", 0, len(texts))
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            # An empty prompt is given too: without one, the folder's default prompt would be used.
            found = self._model.encode(chunk, prompt=prompt, show_progress_bar=False, convert_to_numpy=True)
            vectors[start : start + len(chunk)] = check_vectors(found, self.spec, len(chunk))
            progress("encoding", start + len(chunk), len(texts))
        return vectors


def _refuse_code_and_pickles(root: Path) -> None:
    for file in sorted(root.rglob("config.json")):
        refuse_own_code(read_json_object(file), source=str(file))
    modules: Any = read_json(root / "modules.json") if (root / "modules.json").exists() else []
    for kind in (str(module.get("type")) for module in modules):
        if not kind.startswith("sentence_transformers."):
            raise ModelFolderError(f"{root}/modules.json: the module {kind} is code of its own, which is never run")
    for file in sorted(root.rglob("pytorch_model*.bin")):
        if not any(file.parent.glob("model*.safetensors")):
            raise ModelFolderError(
                f"{file} is a pickle, which can run code when it is read; if you trust where it comes from: "
                f"nearfield convert {root}"
            )


def _importable(root: Path) -> Callable[..., "SentenceTransformer"]:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ModelFolderError(
            f"{root} can be run in none of three ways. Built here: {why_unsupported(root)}. As an ONNX file: it has no "
            "onnx/model.onnx. With PyTorch: pip install 'nearfield[torch]'"
        ) from error
    found: Callable[..., SentenceTransformer] = SentenceTransformer
    return found


def _load(load: Callable[..., "SentenceTransformer"], root: Path, runtime: Runtime) -> "SentenceTransformer":
    import torch

    if runtime.device == "cuda" and not torch.cuda.is_available():
        raise InvalidInputError("device is cuda, but PyTorch sees no GPU; use device='cpu' or 'auto'")
    if runtime.threads is not None:
        torch.set_num_threads(runtime.threads)
    device = None if runtime.device == "auto" else runtime.device
    try:
        return load(
            str(root),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    except _LOAD_ERRORS as error:
        raise ModelFolderError(f"{root} cannot be loaded by sentence-transformers ({error})") from error


def _spec(model: "SentenceTransformer", root: Path, name: str, dim: int | None) -> EncoderSpec:
    if dim is None:
        raise ModelFolderError(f"{root} does not say how many dimensions its vectors have, so they cannot be kept")
    query_prompt, document_prompt, metric = read_prompts(root)
    if (entry := entry_for(root, name)) is not None and not (query_prompt or document_prompt):
        query_prompt, document_prompt = entry.query_prompt, entry.document_prompt
    files = sorted(file for kind in ("*.safetensors", "*.json", "*.txt", "*.model") for file in root.rglob(kind))
    tokenizer = [file for file in files if file.name.startswith(_TOKENIZER_FILES)]
    # Prompts and metric are in the spec itself.
    rest = [file for file in files if file not in tokenizer and file.name != "config_sentence_transformers.json"]
    return EncoderSpec(
        name=name,
        weights=_hash(rest, root),
        tokenizer=_hash(tokenizer, root),
        dim=dim,
        metric=metric,
        pooling="sentence-transformers",
        normalise=type(model[-1]).__name__ == "Normalize",
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        max_tokens=int(min(model.max_seq_length or np.inf, model.tokenizer.model_max_length, 10**9)),
        dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
    )


def _hash(files: Iterable[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root).as_posix()} {file_hash(path)}\n".encode())
    return digest.hexdigest()
