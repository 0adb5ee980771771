"""What the tests of several parts share: the wheel, and somebody who has installed it as the README says."""

from __future__ import annotations

from pathlib import Path

import pytest
from readme_blocks import adapter, installation
from stranger import Stranger, build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def stranger(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """An empty folder with the README's adapter, and the wheel and micrograd installed as the README says."""
    one = Stranger(tmp_path_factory.mktemp("stranger"))
    (one.folder / "my_adapter.py").write_text(adapter())
    for command in installation():
        one.must(command.replace("path/to/autograd-conformance", str(wheel)))
    return one
