"""Processes that the kernel kills when their parent ends."""

from __future__ import annotations

import signal
import sys
from typing import Final

_PR_GET_PDEATHSIG: Final = 2  # linux/prctl.h


def is_killed_with_parent() -> bool:
    """Return True if the calling thread has asked for SIGKILL at the end of its parent. Only Linux has this."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes  # noqa: PLC0415 - only forked processes ask

        number = ctypes.c_int()
        if ctypes.CDLL(None).prctl(_PR_GET_PDEATHSIG, ctypes.byref(number)) != 0:
            return False
    except (ImportError, AttributeError, OSError):  # a Python or a C library without these
        return False
    return number.value == signal.SIGKILL
