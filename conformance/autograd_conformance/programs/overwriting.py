"""Writes into what an engine has handed out, to see who shares its memory."""

from __future__ import annotations

import numpy as np

from autograd_conformance.engine import Engine, Tensor
from autograd_conformance.judge import Unsupported

OVERWRITING = ("copy_", "add_", "fill_", "multiply_")
"""Operators, one of which `overwrite` needs."""


def require_overwriting(engine: Engine) -> None:
    """Raises Unsupported where `overwrite` has no operator."""
    if engine.operators.keys().isdisjoint(OVERWRITING):
        raise Unsupported(f"one of the operators {', '.join(OVERWRITING)}")


def overwrite(engine: Engine, t: Tensor, value: int) -> None:
    """Other values into the memory of `t`, all of them different from before as a rule."""
    name = next(each for each in OVERWRITING if each in engine.operators)
    if name == "fill_":
        engine.apply(name, t, value=value)
    else:
        engine.apply(name, t, engine.tensor(np.full_like(engine.array(t), value)))
