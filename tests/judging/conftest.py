"""Every test starts with recording on and an unspoiled process."""

from __future__ import annotations

import pytest
import tiny_tape

from autograd_conformance.judging import world


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_tape, "recording", True)
    monkeypatch.setattr(world, "_spoilers", [])
    monkeypatch.setattr(world, "_held", [])
