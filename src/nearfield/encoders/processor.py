"""What the processor can do."""

from functools import cache
from pathlib import Path

_FILE = Path("/proc/cpuinfo")


@cache
def processor_flags() -> frozenset[str]:
    """List the processor's extensions, under Linux' names.

    Returns:
        Such as `{"avx2", "amx_bf16"}`; empty where the system is not Linux or does not say.
    """
    try:
        lines = _FILE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return frozenset(flags.split())


def has_bfloat16() -> bool:
    """Tell whether the processor multiplies matrices in bfloat16, rather than only emulating it."""
    return not processor_flags().isdisjoint({"avx512_bf16", "amx_bf16"})
