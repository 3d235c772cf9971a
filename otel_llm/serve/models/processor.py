"""What the engine's compiled code needs of the processor."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Final

from otel_llm.errors import ModelError

# What the engine's x86-64 wheel is compiled for, by its own `get_system_info`.
_NEEDED: Final = frozenset({"avx", "avx2", "bmi2", "f16c", "fma"})


def check_processor(cpuinfo: Path = Path("/proc/cpuinfo"), machine: str | None = None) -> None:
    """Make sure that the engine can run here. Only Linux on x86-64 tells; elsewhere nothing is checked.

    Without this the process would die of SIGILL at the first instruction that the processor does not know.

    Raises:
        ModelError: the processor lacks an instruction set.
    """
    if (machine or platform.machine()).lower() not in {"x86_64", "amd64"} or not cpuinfo.exists():
        return
    lines = cpuinfo.read_text(errors="replace").splitlines()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    missing = _NEEDED.difference(flags) if flags is not None else set()
    if missing:
        raise ModelError(
            f"the engine needs a processor with {', '.join(sorted(_NEEDED))}; this one lacks "
            f"{', '.join(sorted(missing))}: use --scripted-only here, or another machine (a virtual machine may "
            "hide what its host has)"
        )
