"""The instruction sets that the compiled engine needs."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Final

from otel_llm.errors import ModelError

# instruction sets of the engine's x86-64 wheel, by its `get_system_info`
_NEEDED: Final = frozenset({"avx", "avx2", "bmi2", "f16c", "fma"})


def check_processor(cpuinfo: Path = Path("/proc/cpuinfo"), machine: str | None = None) -> None:
    """Check that the processor can run the engine; without a check if this is not Linux on x86-64.

    On an older processor, the process would die of SIGILL at the first unknown instruction.

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
