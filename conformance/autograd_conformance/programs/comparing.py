"""Programs on an engine, compared with what the oracle expects of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

from autograd_conformance.engine import SET_GRAD, Array, Engine, Tensor
from autograd_conformance.judge import Failure, chosen, equal, may_refuse, note
from autograd_conformance.programs.layouts import laid_out
from autograd_conformance.programs.oracle import Expected, Oracle, expect, pull_back
from autograd_conformance.programs.program import Apply, Program, Step, apply_step
from autograd_conformance.programs.zones import must_accept

ABSENT_ZEROS = "a gradient of zeros is absent"
"""The choice that a clause declares when it compares gradients by `assert_gradient` or `assert_gradients`."""


def backward_pass(engine: Engine, program: Program, leaves: Sequence[Tensor], expected: Expected) -> list[Tensor]:
    """The program run on `leaves` and one pass from its roots with the expected's cotangents; the roots."""
    roots = program.run(engine, leaves)
    pass_back(engine, roots, expected.cotangents)
    return roots


def watching(program: Program, look: Callable[[int, Tensor], object]) -> Apply:
    """How to run the program so that `look` is given each result and its number as soon as it is there."""
    numbers = count(len(program.inputs))

    def apply(engine: Engine, step: Step, operands: Sequence[Tensor]) -> Tensor:
        result = apply_step(engine, step, operands)
        look(next(numbers), result)
        return result

    return apply


def pass_back(
    engine: Engine,
    roots: Sequence[Tensor],
    cotangents: Sequence[Array],
    backward: Callable[..., None] | None = None,
) -> None:
    """One pass, by `engine.backward` or by another verb; an engine that accepts no cotangents starts with its own, one."""
    backward = backward or engine.backward
    if engine.accepts_cotangent:
        backward(roots, [engine.tensor(cotangent) for cotangent in cotangents])
    else:
        backward(roots, None)


def assert_vjp(
    engine: Engine, program: Program, expected: Expected, layout: str = "row-major", apply: Apply | None = None
) -> None:
    """The program as a function of its leaves has these values and, for these cotangents, these gradients.

    The cotangents lie in memory as `layout` says: one of `layouts.LAYOUTS`.  `apply`: as in `Program.run`.
    """
    tensors = program.leaves(engine)

    def function(*primals: Any) -> Sequence[Any]:
        given = dict(zip(program.leaf_numbers, primals, strict=True))
        return program.run(engine, [given.get(number, tensor) for number, tensor in enumerate(tensors)], apply)

    primals = [tensors[number] for number in program.leaf_numbers]
    cotangents = [laid_out(engine, cotangent, layout) for cotangent in expected.cotangents]
    outputs, gradients = engine.vjp(function, primals, cotangents)
    assert_values(engine, outputs, expected)
    for number, gradient in zip(program.leaf_numbers, gradients, strict=True):
        assert_gradient(engine, f"the gradient of x{number}", gradient, expected.gradients[number])


def assert_correct_or_loud(engine: Engine, program: Program, apply: Apply | None = None) -> None:
    """A program that writes has the oracle's values and gradients, or is refused where an engine has a ground to."""
    assert_right_or_refused(engine, program, must_accept(program, Oracle(engine.aliasing).run(program)), apply)


def assert_right_or_refused(engine: Engine, program: Program, accept: bool, apply: Apply | None = None) -> None:
    """The program has the oracle's values and gradients; unless `accept`, the engine may refuse it.

    `apply`: as in `Program.run`.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    with may_refuse(not accept, "a program that an engine has no ground to refuse") as attempt:
        roots = program.run(engine, leaves, apply)
        pass_back(engine, roots, expected.cotangents)
        assert_values(engine, roots, expected)
        assert_gradients(engine, program, leaves, expected.gradients)
    note(f"zone: {'must accept' if accept else 'may refuse'}, {'refused' if attempt.refusal else 'accepted'}")


def assert_all_values(engine: Engine, program: Program) -> None:
    """Every tensor of the program, once all steps have run, has the oracle's value."""
    tensors = program.execute(engine, program.leaves(engine))
    expected = Oracle(engine.aliasing).tensors(program)
    for number, (tensor, dual) in enumerate(zip(tensors, expected, strict=True)):
        if program.target(number) == number:
            equal(f"the value of {program.label(number)}", engine.array(tensor), dual.value.astype(program.dtype))


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


class Totals:
    """What leaves must have stored after passes, each of which adds some gradients.

    Where there are several leaves they forget their gradients after each look, if that is possible: whether two leaves
    store theirs in one memory is what `accum.adds` is about, and would hide what other clauses are about.
    """

    def __init__(self, engine: Engine, program: Program, leaves: Sequence[Tensor]) -> None:
        self._engine, self._program, self._leaves = engine, program, leaves
        self._forgets = len(program.leaf_numbers) > 1 and engine.has(SET_GRAD)
        self._totals: list[Array | None] = [None] * len(leaves)

    def add(self, gradients: Sequence[Array | None]) -> None:
        """A pass was made whose gradients are these; the leaves are looked at."""
        self._totals = [_sum(total, gradient) for total, gradient in zip(self._totals, gradients, strict=True)]
        assert_gradients(self._engine, self._program, self._leaves, self._totals)
        if self._forgets:
            self.forget()

    def check(self) -> None:
        """Nothing has changed since."""
        for number in self._program.leaf_numbers:
            stored = self._totals[number]
            if stored is None:
                stored = np.zeros_like(self._program.arrays[number])
            assert_gradient(self._engine, f"the gradient of x{number}", self._engine.grad(self._leaves[number]), stored)

    def forget(self) -> None:
        """Leaves begin anew."""
        for number in self._program.leaf_numbers:
            self._engine.set_grad(self._leaves[number], None)
        self._totals = [None] * len(self._leaves)


def _sum(total: Array | None, gradient: Array | None) -> Array | None:
    return gradient if total is None or gradient is None else np.asarray(total + gradient)


def multiplied(count: int, gradients: Sequence[Array | None]) -> list[Array | None]:
    """What is stored after `count` passes."""
    return [None if gradient is None else np.asarray(count * gradient) for gradient in gradients]


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


def assert_no_gradient(engine: Engine, what: str, t: Tensor) -> None:
    """No gradient is stored on `t`, or one of zeros (a choice that is noted)."""
    gradient = engine.grad(t)
    if gradient is None:
        chosen(ABSENT_ZEROS)
    else:
        value = engine.array(gradient)
        equal(what, value, np.zeros_like(value))


def takes_unrecorded_views(engine: Engine, program: Program) -> bool:
    """Whether a view is taken while recording is off: engines differ on whether it says that it requires gradients."""
    return any(not step.recorded and step.operator in engine.aliasing for step in program.steps)


def expected_for(engine: Engine, program: Program, arrays: Sequence[Array]) -> Expected:
    """The same where the inputs have other values."""
    oracle = Oracle(engine.aliasing)
    tensors = oracle.inputs(arrays, [each.requires_grad for each in program.inputs])
    for step in program.steps:
        tensors.append(oracle.apply(step, [tensors[number] for number in step.operands]))
    roots = [tensors[root] for root in program.roots]
    return pull_back(program, roots, program.cotangent_arrays([root.value.shape for root in roots]))
