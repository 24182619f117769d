"""Which engine computes a transformer: a file for each, imported when it is chosen."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from nearfield.encoders.options import Device, Engine, Runtime, available_cores
from nearfield.encoders.processor import has_bfloat16
from nearfield.encoders.program import Model, Program
from nearfield.errors import CapabilityError, MissingExtraError

ENGINES: dict[Engine, str] = {
    "onnxruntime": "onnx_engine:open_onnx",
    "onnxruntime-int8": "int8_engine:open_int8",
    "openvino": "openvino_engine:open_openvino",
    "openvino-bf16": "openvino_engine:open_openvino_bf16",
}
"""Names of engines, and what opens a model with each."""

_FAST = "OpenVINO is not installed: pip install 'nearfield[fast]'"
# BERT, on which it was measured that bfloat16 keeps the vectors, and those that compute the same layers.
_BFLOAT16_FAMILIES = frozenset({"bert", "distilbert", "mpnet", "roberta", "xlm-roberta"})
_NO_BFLOAT16 = "this processor does not compute in bfloat16: it has neither avx512_bf16 nor amx_bf16"


@dataclass(frozen=True)
class Choice:
    """An engine, where it runs, and why.

    Attributes:
        engine: Its name in `ENGINES`.
        device: `cpu`, or `cuda` if it was asked for, or `auto` if a GPU may be used where there is one.
        why: The reason in words.
    """

    engine: Engine
    device: Device
    why: str


def choose_engine(runtime: Runtime, family: str = "") -> Choice:
    """Choose the engine that a runtime asks for.

    Nothing is measured. Left to choose, it takes a GPU if ONNX Runtime can use one; else OpenVINO in bfloat16 where
    the processor has that and the family is one that it was measured on; else ONNX Runtime, which is as fast as
    OpenVINO in float32. It never rounds to 8 bits.

    Args:
        runtime: What is asked for.
        family: `model_type` of a model that is built; empty for an ONNX file.

    Returns:
        The choice.

    Raises:
        CapabilityError: If the processor cannot run it, or there is no such engine for transformers or on that device.
        MissingExtraError: If it is not installed.
    """
    if runtime.engine == "auto":
        return _best(runtime.device, family)
    if runtime.device == "cuda" and runtime.engine != "onnxruntime":
        raise CapabilityError(f"engine {runtime.engine!r} has no device 'cuda'; use engine='onnxruntime' with it")
    missing = missing_for(runtime.engine)
    if missing == _FAST:
        raise MissingExtraError(f"engine {runtime.engine!r}: {missing}")
    if missing:
        raise CapabilityError(f"engine {runtime.engine!r}: {missing}; choose another, or leave it out")
    return Choice(runtime.engine, runtime.device, "it was asked for")


def missing_for(engine: Engine) -> str:
    """Say what an engine lacks here, and how to install it where that helps; empty if nothing."""
    if not engine.startswith("openvino"):
        return ""
    if engine == "openvino-bf16" and not has_bfloat16():
        return _NO_BFLOAT16
    return "" if importlib.util.find_spec("openvino") else _FAST


def open_program(model: Model, runtime: Runtime, family: str = "") -> Program:
    """Open a model with the engine that a runtime asks for.

    Args:
        model: The model.
        runtime: What is asked for.
        family: As `choose_engine` takes it.

    Returns:
        The program.

    Raises:
        ModelFolderError: If the engine cannot load the model.
        CapabilityError: As `choose_engine`.
        MissingExtraError: As `choose_engine`.
    """
    choice = choose_engine(runtime, family)
    module, _, name = ENGINES[choice.engine].partition(":")
    open_model: Callable[..., Program] = getattr(importlib.import_module(f"nearfield.encoders.{module}"), name)
    return open_model(model, device=choice.device, threads=runtime.threads or available_cores())


def _best(device: Device, family: str) -> Choice:
    from nearfield.encoders.onnx_engine import has_cuda

    if device == "cuda":
        return Choice("onnxruntime", device, "only ONNX Runtime uses a GPU")
    if device == "auto" and has_cuda():
        return Choice("onnxruntime", device, "this build of ONNX Runtime can use a GPU")
    if family not in _BFLOAT16_FAMILIES:
        why = "as fast as any in float32; what bfloat16 does to the vectors of this family is not measured"
        return Choice("onnxruntime", "cpu", why)
    missing = missing_for("openvino-bf16")
    if not missing:
        return Choice("openvino-bf16", "cpu", "the processor computes in bfloat16, and OpenVINO is installed")
    return Choice("onnxruntime", "cpu", f"as fast as any in float32; {missing}")
