"""Somebody who has the wheel and an empty folder, and nothing of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEAKS = ("PYTHON", "PYTEST_", "COV_", "VIRTUAL_ENV")
"""Variables, by how they begin, through which the Python that runs us would show."""


def build_wheel(folder: Path) -> Path:
    """The wheel of this tree, built by pip as anybody would."""
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@dataclass(frozen=True)
class Stranger:
    """A folder of its own, where commands are run as they are typed."""

    folder: Path

    def run(self, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """What `command` gave, as text; standard error is part of its output."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(LEAKS)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"  # the same Python, as `python3`
        return subprocess.run(
            ("bash", "-c", command),
            check=False,
            cwd=self.folder,
            env={**inherited, "PATH": path, "PIP_CONSTRAINT": str(ROOT / "constraints.txt"), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    def must(self, command: str, **variables: str) -> str:
        """The output of a command that has to succeed."""
        done = self.run(command, **variables)
        assert done.returncode == 0, f"{command}\nexit status {done.returncode}\n{done.stdout}"
        return done.stdout
