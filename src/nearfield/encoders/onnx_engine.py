"""ONNX Runtime, in float32 or whatever precision a model has: the engine that is always there."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from nearfield.encoders.onnx_files import dtype_of
from nearfield.encoders.options import Device
from nearfield.encoders.program import CPU_BATCH_TOKENS, Model, Program, TokenIds
from nearfield.errors import EncoderError, MissingExtraError, ModelFolderError

CUDA = "CUDAExecutionProvider"

_CPU = "CPUExecutionProvider"
_CUDA_BATCH_TOKENS = 16_384  # thousands of cores want work at once, and a GPU's memory holds it
ENGINE_ERRORS: tuple[type[Exception], ...] = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16"}


def open_onnx(model: Model, *, device: Device = "cpu", threads: int = 1) -> Program:
    """Open a model with ONNX Runtime.

    Args:
        model: The model.
        device: `cuda` needs ONNX Runtime's build for CUDA and a GPU; `auto` takes them if they are there.
        threads: Not used: a session has no threads of its own, and each caller's computes.

    Returns:
        The program; its dtype is `float16` if the model's output is.

    Raises:
        ModelFolderError: If ONNX Runtime cannot load the model.
        MissingExtraError: If the device is `cuda` and there is none.
    """
    session = open_session(model, device)
    on_gpu = CUDA in session.get_providers()
    if device == "cuda" and not on_gpu:
        raise MissingExtraError(
            "device='cuda' was asked for, but ONNX Runtime finds no GPU to use; it needs an NVIDIA GPU, its driver, "
            "and pip install 'onnxruntime-gpu[cuda,cudnn]' in place of onnxruntime. Or leave device out"
        )
    outputs = {entry.name: _TYPES.get(entry.type, entry.type) for entry in session.get_outputs()}

    # The session reads the weights where they lie, so they must live as long as it does.
    def compute(feed: Mapping[str, TokenIds], outputs: Sequence[str], _keep: Model = model) -> list[npt.NDArray[Any]]:
        try:
            found: list[npt.NDArray[Any]] = session.run(list(outputs), dict(feed))
        except ENGINE_ERRORS as error:
            raise EncoderError(str(error)) from error
        return found

    return Program(
        inputs=tuple(entry.name for entry in session.get_inputs()),
        outputs=outputs,
        compute=compute,
        dtype=dtype_of(outputs),
        batch_tokens=_CUDA_BATCH_TOKENS if on_gpu else CPU_BATCH_TOKENS,
    )


def has_cuda() -> bool:
    """Tell whether this build of ONNX Runtime can use an NVIDIA GPU."""
    return CUDA in onnxruntime.get_available_providers()


def open_session(model: Model, device: Device = "cpu") -> onnxruntime.InferenceSession:
    """Open a session of one core, which several threads may run at once.

    Args:
        model: The model; the session reads its weights where they lie, so they must live as long as it does.
        device: As in `open_onnx`; without a GPU, the processor.

    Returns:
        The session.

    Raises:
        ModelFolderError: If ONNX Runtime cannot load the model.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # an error is raised as well; warnings are about the model's author's choices
    # Cores work on different batches, which needs no waiting inside an operator.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for tensor in model.weights.values()]
    options.add_external_initializers(list(model.weights), values)
    try:
        return onnxruntime.InferenceSession(
            model.content if isinstance(model.content, bytes) else str(model.content),
            options,
            providers=[_CPU] if device == "cpu" or not has_cuda() else [CUDA, _CPU],
            disabled_optimizers=["SkipLayerNormFusion"],  # slower on a CPU than what it fuses; see graphs/post_norm
        )
    except ENGINE_ERRORS as error:
        raise ModelFolderError(f"{model.source} cannot be loaded ({error}); download the model again") from error
