"""What a model folder leaves unsaid, taken from the catalogue."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from nearfield.encoders.catalogue import CatalogueEntry, find_entry
from nearfield.encoders.folder import ModelFolder
from nearfield.encoders.head import Pooling
from nearfield.encoders.json_files import read_json_object
from nearfield.encoders.options import split_name

_POOLINGS: dict[str, Pooling] = {"mean": "mean", "cls": "cls", "lasttoken": "lasttoken"}
_HUB_FOLDER = "models--"


def entry_for(path: str | Path, name: str | None) -> CatalogueEntry | None:
    """Find the catalogue's entry for a model folder.

    Args:
        path: The folder. Its own name counts, and that of a folder of the hub's cache around it.
        name: What the encoder was asked for by, options included; it counts more.

    Returns:
        The entry; None if the catalogue knows no such name.
    """
    root = Path(path).absolute()
    names = [] if name is None else [split_name(name)[0]]
    names.append(root.name)
    cached = [part.removeprefix(_HUB_FOLDER) for part in root.parts if part.startswith(_HUB_FOLDER)]
    names += [part.replace("--", "/", 1) for part in cached]
    return next((entry for name in names if (entry := find_entry(name)) is not None), None)


def with_defaults(folder: ModelFolder, entry: CatalogueEntry | None) -> ModelFolder:
    """Fill in what a folder leaves unsaid; what it says stands.

    A folder without `modules.json` says nothing of pooling and normalisation. One whose prompts are all empty says
    nothing of prompts: sentence-transformers saves every model without prompts so.

    Args:
        folder: The folder.
        entry: What the catalogue knows of its model, if anything.

    Returns:
        The folder with the catalogue's pooling, normalisation, prompts and metric where it has none of its own.
    """
    if entry is None:
        return folder
    changes: dict[str, Any] = {}
    if not (folder.root / "modules.json").exists():
        changes |= {"pooling": _POOLINGS.get(entry.pooling, folder.pooling), "normalise": entry.normalise}
    if not (folder.query_prompt or folder.document_prompt):
        changes |= {"query_prompt": entry.query_prompt, "document_prompt": entry.document_prompt}
    if not entry.include_prompt and not _says_what_is_pooled(folder.root):
        changes["include_prompt"] = False
    if not _says_metric(folder.root):
        changes["metric"] = entry.metric
    return replace(folder, **changes)


def _says_what_is_pooled(root: Path) -> bool:
    return "include_prompt" in read_json_object(root / "1_Pooling" / "config.json", required=False)


def _says_metric(root: Path) -> bool:
    file = root / "config_sentence_transformers.json"
    return bool(read_json_object(file, required=False).get("similarity_fn_name"))
