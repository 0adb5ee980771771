"""A script run where this project is not: as somebody would run it who got it in a bug report."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PROJECT_FOLDER = Path(__file__).parents[2]
_RUN = "import runpy, sys; sys.path += sys.argv[2:]; runpy.run_path(sys.argv[1], run_name='__main__')"


def verify(text: str, timeout: float = 60) -> bool:
    """Whether the script `text` fails in a clean process."""
    return run_cleanly(text, timeout).returncode != 0


def run_cleanly(text: str, timeout: float = 60, path: Sequence[str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `text` in an isolated process, in an empty folder, with `path` beside what is installed.

    The default is everything that can be imported here, so that engines in a working copy are found, but this project.
    """
    beside = _path_without_project() if path is None else path
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "script.py")
        file.write_text(text, encoding="utf-8")
        command = [sys.executable, "-I", "-c", _RUN, str(file), *beside]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False)


def _path_without_project() -> list[str]:
    folders = [Path(entry or ".").resolve() for entry in sys.path]
    return [str(folder) for folder in folders if folder != PROJECT_FOLDER.resolve()]
