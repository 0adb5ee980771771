"""The program that calls the engine: warnings, and traces of anomaly mode, point at its lines."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

HERE = __name__.partition(".")[0]


def callers_frame() -> tuple[FrameType, int]:
    """The innermost frame that is not the engine's, and its number, where that of who asks is one."""
    frame, number = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == HERE:
        frame, number = frame.f_back, number + 1
    return frame, number


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn of a line of the program."""
    warnings.warn(text, category, stacklevel=callers_frame()[1])
