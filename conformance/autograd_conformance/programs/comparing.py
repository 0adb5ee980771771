"""Programs on an engine, compared with what the oracle expects of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd_conformance.engine import Array, Engine, Tensor
from autograd_conformance.judge import Failure, chosen, equal
from autograd_conformance.programs.oracle import Expected, expect
from autograd_conformance.programs.program import Program

ABSENT_ZEROS = "a gradient of zeros is absent"
"""The choice that a clause declares when it compares gradients by `assert_gradient` or `assert_gradients`."""


def backward_pass(engine: Engine, program: Program, leaves: Sequence[Tensor], expected: Expected) -> list[Tensor]:
    """The program run on `leaves` and one pass from its roots with the expected's cotangents; the roots."""
    roots = program.run(engine, leaves)
    pass_back(engine, roots, expected.cotangents)
    return roots


def pass_back(engine: Engine, roots: Sequence[Tensor], cotangents: Sequence[Array]) -> None:
    """One backward pass; an engine that accepts no cotangents starts with its own, which is one."""
    if engine.accepts_cotangent:
        engine.backward(roots, [engine.tensor(cotangent) for cotangent in cotangents])
    else:
        engine.backward(roots)


def assert_values(engine: Engine, roots: Sequence[Tensor], expected: Expected) -> None:
    """The roots have the oracle's values."""
    for place, (root, value) in enumerate(zip(roots, expected.values, strict=True)):
        equal(f"the value of root {place}", engine.array(root), value)


def assert_gradients(
    engine: Engine, program: Program, leaves: Sequence[Tensor], gradients: Sequence[Array | None]
) -> None:
    """The gradients stored on the leaves are the oracle's."""
    for number in program.leaf_numbers:
        assert_gradient(engine, f"the gradient of x{number}", engine.grad(leaves[number]), gradients[number])


def assert_gradient(engine: Engine, what: str, gradient: Tensor | None, expected: Array | None) -> None:
    """Equal; where zero is expected, an engine may also leave the gradient absent (a choice that is noted)."""
    assert expected is not None
    if gradient is not None:
        equal(what, engine.array(gradient), expected)
    elif np.any(expected):
        raise Failure("wrong", what, expected, None)
    else:
        chosen(ABSENT_ZEROS)


def expected_of(engine: Engine, program: Program) -> Expected:
    """What the oracle says, given which of the engine's operators alias."""
    return expect(program, engine.aliasing)
