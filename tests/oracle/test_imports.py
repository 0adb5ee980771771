"""The suite imports no engine: somebody who tests MLX does not download torch."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import autograd_conformance
import autograd_spec

ENGINES = ("torch", "autograd", "mygrad", "tinygrad", "paddle", "jax", "mlx", "tensorflow", "autograd_reference")
SUITE = [
    f"{package.__name__}.{module.name}"
    for package in (autograd_conformance, autograd_spec)
    for module in pkgutil.iter_modules(package.__path__)
    if module.name not in ("adapters", "__main__")
]


def imported_after(program: str) -> set[str]:
    """The engines that a clean process has imported after running `program`."""
    script = f"{program}\nimport sys; print(*(name for name in {ENGINES} if name in sys.modules))"
    paths = [path for path in sys.path if path]
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {paths!r}\n{script}"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_no_module_of_the_suite_imports_an_engine() -> None:
    assert imported_after("\n".join(f"import {name}" for name in SUITE)) == set()


@pytest.mark.parametrize("name", ["torch", "reference"])
def test_the_test_can_fail(name: str) -> None:
    assert "torch" in imported_after(f"import autograd_conformance.adapters.{name}")
