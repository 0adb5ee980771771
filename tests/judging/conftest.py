"""Every test starts with recording on and an unspoiled process, and puts back what a faulty runner leaves changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_tape

from autograd_conformance.judging import world


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tiny_tape, "recording", True)
    monkeypatch.setattr(world, "_spoilers", [])
    monkeypatch.setattr(world, "_held", [])
    monkeypatch.chdir(Path.cwd())
    with np.errstate():
        yield
