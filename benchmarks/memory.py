"""The most memory that a function needed at once, as the operating system counts it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
FORGET_PEAK = Path("/proc/self/clear_refs")


def can_be_measured() -> bool:
    """Linux with the GNU C library only: elsewhere the peak cannot be reset, or what was freed not be returned."""
    return STATUS.exists() and FORGET_PEAK.exists() and hasattr(ctypes.CDLL(None), "malloc_trim")


def peak_of(run: Callable[[], object]) -> int:
    """Bytes above what was in use before."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before, and kept for later, would hide what is needed now
    FORGET_PEAK.write_text("5")
    before = _field("VmRSS")
    run()
    return max(_field("VmHWM") - before, 0)


def _field(name: str) -> int:
    """In bytes; the file says kB."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
