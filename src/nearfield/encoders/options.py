"""How an encoder is asked for: its name, options that may stand in the name, and what it runs on.

`all-MiniLM-L6-v2@dim=128,precision=int8` is a name with options. What decides which space the vectors are in stands in
the name, so that whatever remembers the name, such as a collection, gets the same encoder again.
"""

import os
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from nearfield.errors import InvalidInputError

Precision: TypeAlias = Literal["float32", "int8", "uint8", "binary"]
Overflow: TypeAlias = Literal["truncate", "error", "chunk"]
Engine: TypeAlias = Literal["auto", "onnxruntime", "onnxruntime-int8", "openvino", "openvino-bf16"]
Device: TypeAlias = Literal["auto", "cpu", "cuda"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "precision": get_args(Precision),
    "on_overflow": get_args(Overflow),
    "engine": get_args(Engine),
    "device": get_args(Device),
}
_DIGITS = 9  # of a number of dimensions or threads
_WITH_OPTIONS = re.compile(r"(?P<name>.+)@(?P<options>[a-z_]+=[^,=@]*(?:,[a-z_]+=[^,=@]*)*)", re.DOTALL)


def _check_choices(options: "Runtime | VectorOptions") -> None:
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in _CHOICES and value not in _CHOICES[field.name]:
            raise InvalidInputError(f"{field.name} must be one of {', '.join(_CHOICES[field.name])}, got {value!r}")


def _check_number(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInputError(f"{name} must be a whole number of at least 1, got {value!r:.60}")
    if value < 1:
        raise InvalidInputError(f"{name} must be at least 1, got {value}")


@dataclass(frozen=True)
class Runtime:
    """What an encoder runs on; two runtimes give comparable vectors.

    Attributes:
        engine: Which runtime and precision of weights; the best of those present by default.
        device: Where; a GPU where there is one by default.
        threads: Cores to use; all by default.
    """

    engine: Engine = "auto"
    device: Device = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be run on."""
        _check_choices(self)
        _check_number("threads", self.threads)


DEFAULT_RUNTIME = Runtime()


@dataclass(frozen=True)
class VectorOptions:
    """What is done to texts and vectors beyond what the model says; decides the space.

    Attributes:
        dim: Leading dimensions to keep, renormalised, as Matryoshka models are trained for; all by default.
        precision: What the vectors' values are rounded to.
        on_overflow: What to do with a text longer than the model reads: cut it, refuse it, or encode it in chunks and
            average them.
    """

    dim: int | None = None
    precision: Precision = "float32"
    on_overflow: Overflow = "truncate"

    def __post_init__(self) -> None:
        """Refuse what makes no vectors."""
        _check_choices(self)
        _check_number("dim", self.dim)


def split_name(text: str) -> tuple[str, VectorOptions, Runtime]:
    """Take the options out of an encoder's name.

    Args:
        text: A name such as `all-MiniLM-L6-v2@dim=128,precision=int8`, or a path.

    Returns:
        The name without options, and the options; the defaults where the name gives none.

    Raises:
        InvalidInputError: If an option is unknown or has a value that is not allowed.

    Examples:
        >>> split_name("all-MiniLM-L6-v2@dim=128")[:2]
        ('all-MiniLM-L6-v2', VectorOptions(dim=128, precision='float32', on_overflow='truncate'))
    """
    vector, runtime = VectorOptions(), Runtime()
    found = _WITH_OPTIONS.fullmatch(text)
    if found is None or is_folder(text):
        return text, vector, runtime
    known = {field.name: kind for kind in (VectorOptions, Runtime) for field in fields(kind)}
    changes: dict[str, Any] = {}
    for option in found["options"].split(","):
        key, _, value = option.partition("=")
        if key not in known:
            raise InvalidInputError(f"encoder {text[:100]!r} has no option {key!r}; it has {', '.join(known)}")
        if key in changes:
            raise InvalidInputError(f"encoder {text[:100]!r} gives {key} twice; give it once")
        changes[key] = _whole_number(key, value) if key in ("dim", "threads") else value
    vector = replace(vector, **{key: value for key, value in changes.items() if known[key] is VectorOptions})
    runtime = replace(runtime, **{key: value for key, value in changes.items() if known[key] is Runtime})
    return found["name"], vector, runtime


def join_name(name: str, options: VectorOptions, runtime: Runtime | None = None) -> str:
    """Put the options that decide the space back into a name; the inverse of `split_name` for those.

    Args:
        name: A name without options.
        options: What stands in the name where it is not the default.
        runtime: Its engine stands in the name too where it was chosen, since a rounded engine is another space.

    Returns:
        The whole name.
    """
    default = VectorOptions()
    given = {field.name: getattr(options, field.name) for field in fields(options)}
    changed = [f"{key}={value}" for key, value in given.items() if value != getattr(default, key)]
    if runtime is not None and runtime.engine != "auto":
        changed.append(f"engine={runtime.engine}")
    return f"{name}@{','.join(changed)}" if changed else name


Options = TypeVar("Options", Runtime, VectorOptions)


def override(options: Options, **changes: object) -> Options:
    """Change the options that are not None."""
    given: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    return replace(options, **given)


def rename(name: str, **changes: object) -> str:
    """Put options into a name that may hold some already.

    Args:
        name: With or without options.
        **changes: Options that decide the space, by name; None leaves one as it is.

    Returns:
        The whole name.

    Examples:
        >>> rename("all-MiniLM-L6-v2@on_overflow=chunk", dim=128)
        'all-MiniLM-L6-v2@dim=128,on_overflow=chunk'
    """
    base, options, runtime = split_name(name)
    return join_name(base, override(options, **changes), runtime)


def is_folder(text: str) -> bool:
    """Say whether a name is the path of a folder that exists."""
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # too long for a path, a home that is not there, or a NUL
        return False


def _whole_number(key: str, value: str) -> int:
    if not value.isdecimal() or len(value) > _DIGITS:
        raise InvalidInputError(f"{key} must be a whole number of at least 1, got {value[:20]!r}")
    return int(value)


def available_cores() -> int:
    """Count the cores this process may use."""
    # A container may be given fewer cores than the machine has; macOS and Windows cannot say.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
