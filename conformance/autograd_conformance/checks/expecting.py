"""What the checks of verbs are made of: a tensor, three times a tensor, and what is expected of results."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_conformance.checks.outcome import broken, nonconforming
from autograd_conformance.engine import Engine, Tensor
from autograd_conformance.judge import show


def tripled(engine: Engine, x: Tensor) -> Tensor:
    """By one operator or two."""
    if "multiply" in engine.operators:
        return engine.apply("multiply", x, engine.tensor(filled(engine, 3)))
    return engine.apply("add", engine.apply("add", x, x), x)


def filled(engine: Engine, value: float) -> Any:
    """An array of the smallest shape that the engine takes."""
    return np.full((engine.shapes or [()])[0], value, engine.dtypes[0])


def leaf(engine: Engine) -> Tensor:
    """It requires gradients; its elements are twos."""
    return engine.tensor(filled(engine, 2), requires_grad=True)


def cotangent(engine: Engine) -> int:
    """The elements of the cotangent that a pass is given, or takes by itself."""
    return 5 if engine.accepts_cotangent else 1


def expect_gradient(engine: Engine, gradient: Tensor | None, value: float) -> None:
    """The gradient is there, an array of the right sort, and its value is right."""
    if gradient is None:
        raise broken(
            "there is no gradient; does `tensor` honour requires_grad, and `grad` look where the engine keeps it?"
        )
    got, expected = engine.array(gradient), filled(engine, value)
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise broken(f"expected the gradient {show(expected)}, got {show(got)}; keep shape and dtype of the leaf")
    if not np.array_equal(got, expected):
        raise nonconforming(
            f"expected the gradient {show(expected)}, got {show(got)}; if `backward` and `grad` are right"
        )


def expect_bool(verb: str, value: Any, expected: bool) -> None:
    """It is a bool, and the right one."""
    if type(value) is not bool:
        raise broken(f"`{verb}` gives {value!r}; expected True or False")
    if value is not expected:
        raise nonconforming(f"`{verb}` gives {value}, expected {expected}; if it is spelled right")
