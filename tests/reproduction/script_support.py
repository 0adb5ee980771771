"""What the tests of scripts share: a clause run to its failure, and its script."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograd_conformance.clauses import CORE, Clause, clause
from autograd_conformance.engine import Engine
from autograd_conformance.judging.world import World
from autograd_conformance.scripts.reproduction import script

Test = Callable[..., None]


def script_of(engine: Engine, test: Test, **case: Any) -> str:
    """The script for how `test`, a clause, fails on `case`."""
    world = World(engine, "a test")
    world.enter()
    with pytest.raises((Exception, SystemExit)) as failure:
        test(engine, **case)
    world.leave()
    made: Clause = test.clause  # type: ignore[attr-defined]
    return script(engine, made, case, failure.value)


def a_clause(test: Test) -> Test:
    """`test`, a function of the engine only, as a clause."""
    test.__doc__ = "The engine does what it should."
    return clause("made.for-this-test", level=CORE)(test)


def calls_of(text: str) -> list[str]:
    """The lines of a script after its imports and helpers, from the first tensor on."""
    lines = text.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("x0 ="))
    return lines[first:]


def error_of(text: str) -> str:
    """How the script ends in this process; empty where it ends well."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), torch.enable_grad():
            exec(compile(text, "<script>", "exec"), {})  # noqa: S102  our own text
    except SystemExit as left:
        return str(left.code or "")
    except Exception as error:  # noqa: BLE001  of whatever kind
        return f"{type(error).__name__}: {error}"
    return ""
