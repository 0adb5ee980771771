"""A folder with a synthetic engine, where pytest judges it as a user would: in a process of its own."""

from __future__ import annotations

import pytest
from harness_support import Folder


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """`pytester`, with the suite importable and nothing of the pytest that runs us leaking in."""
    return Folder.prepare(pytester, monkeypatch)
