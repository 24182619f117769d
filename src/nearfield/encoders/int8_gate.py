"""Which encoders of 8-bit weights have passed their quality gate: a small file for each, beside the vector cache.

What the gate measures is in `evaluation/quality_gate.py`; here is only what it found.
"""

import json
from pathlib import Path
from typing import Any

from nearfield.encoders.base import EncoderSpec
from nearfield.encoders.cache import default_cache_path
from nearfield.errors import CapabilityError
from nearfield.files import make_directory, replace_file

GATE_VERSION = 1
"""To be raised when the gate asks for more than before: what passed an earlier one then has to pass again."""


def remember_gate(fingerprint: str, found: dict[str, Any]) -> None:
    """Keep what the gate found for an encoder, in place of what it found before.

    Args:
        fingerprint: Its space.
        found: JSON values, of which `passed` decides; the version of the gate is put before them.

    Raises:
        StorageError: If the disk refuses.
    """
    file = _file(fingerprint)
    make_directory(file.parent)
    replace_file(file, json.dumps({"version": GATE_VERSION, **found}, indent=2).encode())


def require_gate(spec: EncoderSpec, *, name: str) -> None:
    """Refuse an encoder that has not passed its gate.

    Args:
        spec: Its spec.
        name: What it is called without its engine, for the command to run.

    Raises:
        CapabilityError: If it failed, or was never put to the test.
    """
    passed = passed_gate(spec.fingerprint)
    if passed:
        return
    state = "has not been through" if passed is None else "failed"
    advice = f"run: nearfield doctor '{name}' --gate" if passed is None else "use another engine"
    raise CapabilityError(
        f"{name} with 8-bit weights {state} the quality gate, which shows that rounding costs it nothing; {advice}"
    )


def passed_gate(fingerprint: str) -> bool | None:
    """Tell whether an encoder passed its gate.

    Args:
        fingerprint: Its space.

    Returns:
        None if it was never put to the test, or to an earlier version's, or the file is damaged.
    """
    try:
        found = json.loads(_file(fingerprint).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or found.get("version") != GATE_VERSION:
        return None
    passed = found.get("passed")
    return passed if isinstance(passed, bool) else None


def _file(fingerprint: str) -> Path:
    return default_cache_path().parent / "int8-gate" / f"{fingerprint}.json"
