"""The number of cores that this process may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/proc/self/cgroup")


def available_cores(groups: Path = _CGROUPS, own: Path = _OWN) -> int:
    """Return the cores that the system lets this process use, rounded down, 1 at least.

    That is what it is pinned to, and at most what its control groups leave it: a container's CPU limit, or a
    unit's CPUQuota.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, "cpu.max".
    """
    pinned = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([pinned, *_quotas(groups, own)])))


def _quotas(groups: Path, own: Path) -> list[float]:
    """Return the limits, in cores, of the process's group and of those above it."""
    if not own.is_file():  # no Linux
        return []
    path = next((line[3:] for line in own.read_text().splitlines() if line.startswith("0::")), "/")
    folder = groups / path.lstrip("/")
    files = [each / "cpu.max" for each in (folder, *folder.parents) if each.is_relative_to(groups)]
    limits = [file.read_text().split() for file in files if file.is_file()]
    return [int(quota) / int(period) for quota, period in limits if quota != "max"]
