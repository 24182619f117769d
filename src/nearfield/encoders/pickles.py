"""Pickled weights are never read by themselves; converting them is how one allows it."""

from pathlib import Path

from nearfield.errors import MissingExtraError, ModelFolderError
from nearfield.files import replace_file

_PICKLE = "pytorch_model.bin"


def convert_pickles(folder: str | Path) -> list[Path]:
    """Write each `pytorch_model.bin` of a model folder again as `model.safetensors`, beside it.

    A pickle can run code when it is read. PyTorch reads it here with `weights_only=True`, which takes tensors and
    plain containers and refuses the rest; still, convert only what comes from where you trust.

    Args:
        folder: The model folder; the folders of its modules are converted too.

    Returns:
        The files written; a pickle that has its `model.safetensors` already is left alone.

    Raises:
        ModelFolderError: If there is nothing to convert, or a pickle holds anything but tensors.
        MissingExtraError: If PyTorch is not installed.
        StorageError: If the disk refuses.
    """
    root = Path(folder)
    pickles = [file for file in sorted(root.rglob(_PICKLE)) if not file.with_name("model.safetensors").exists()]
    if not pickles:
        raise ModelFolderError(f"{root} holds no {_PICKLE} without a model.safetensors beside it; nothing to convert")
    try:
        import torch
        from safetensors.torch import save
    except ImportError as error:
        raise MissingExtraError("converting pickled weights needs PyTorch: pip install 'nearfield[torch]'") from error
    written = []
    for file in pickles:
        try:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
            # Copies, since tensors that share memory cannot be saved.
            content = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
        except Exception as error:  # a pickle may raise anything
            raise ModelFolderError(
                f"{file} holds more than tensors, or is damaged ({error}); it is not read"
            ) from error
        target = file.with_name("model.safetensors")
        replace_file(target, save(content, metadata={"format": "pt"}))
        written.append(target)
    return written
