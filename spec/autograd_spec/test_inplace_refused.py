"""Writes that are refused, and what is left after that."""

from collections.abc import Sequence
from functools import partial
from itertools import count, islice
from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import NO_GRAD, TAPE, WRITE, Array, Engine
from autograd_conformance.judge import Unsupported, assume, equal, may_refuse, refuses
from autograd_conformance.programs.aimed import is_made_for_a_write, overwriting
from autograd_conformance.programs.aiming import ALL_WRITES, Aim
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_correct_or_loud,
    assert_gradients,
    assert_values,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program, Step, apply_step


def _written_with(engine: Engine) -> st.SearchStrategy[list[str]]:
    known = [name for name in ALL_WRITES if engine.has(name)]
    return st.lists(st.sampled_from(known), min_size=1, max_size=4)


@clause(
    "inplace.leaf-error",
    level=FULL,
    needs=(TAPE, WRITE),
    after="inplace.correct-or-loud",
    choices=(ABSENT_ZEROS,),
    program=programs(),
    writes=_written_with,
    later=_written_with,
    differentiable=st.booleans(),
)
def test_leaf_error(
    engine: Engine, program: Program, writes: list[str], later: list[str], differentiable: bool
) -> None:
    """A write to a leaf that requires gradients is refused while recording is on; the leaf keeps its value, is a leaf still,
    and what was or is made of it has its gradients.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)

    def attempt(operators: list[str]) -> None:
        for place, operator in enumerate(operators):
            number = program.leaf_numbers[place % len(program.leaf_numbers)]
            array, leaf = program.arrays[number], leaves[number]
            what = f"{operator} on the leaf x{number}"
            refuses(what, partial(_write, engine, operator, leaf, array, differentiable))
            equal(f"the value of x{number} after {what}", engine.array(leaf), array)
            equal(f"whether x{number} is a leaf after {what}", engine.is_leaf(leaf), True)
            equal(f"whether x{number} requires gradients after {what}", engine.requires_grad(leaf), True)

    attempt(writes)
    roots = program.run(engine, leaves)
    attempt(later)
    pass_back(engine, roots, expected.cotangents)
    assert_values(engine, roots, expected)
    assert_gradients(engine, program, leaves, expected.gradients)


def _write(engine: Engine, operator: str, target: Any, array: Array, differentiable: bool) -> None:
    """One write of twos to all elements, or to the first along an axis; then read, since a lazy engine raises there."""
    twos = np.full_like(array, 2)
    params: dict[str, Any] = {}
    if operator in ("setitem_", "index_copy_"):
        assume(array.ndim)
        twos = twos[:1]
        params = {"key": (slice(0, 1, 1),)} if operator == "setitem_" else {"indices": (0,), "axis": 0}
    elif operator in ("fill_", "masked_fill_"):
        params = {"value": 2}
        params |= {"mask": _all_of(array.shape)} if operator == "masked_fill_" else {}
    operands = [engine.tensor(twos, requires_grad=differentiable)] if "value" not in params else []
    engine.apply(operator, target, *operands, **params)
    engine.array(target)


def _all_of(shape: Sequence[int]) -> Any:
    return tuple(_all_of(shape[1:]) for _ in range(shape[0])) if shape else True


# ---- shape and dtype ----
def _too_large(engine: Engine) -> st.SearchStrategy[list[tuple[str, int]]]:
    """Writes, each with the axis along which its operand is longer than the target; -1: it has an axis more."""
    known = [name for name in ("add_", "multiply_", "copy_") if engine.has(name)]
    if not known or not engine.max_ndim:
        raise Unsupported("one of the operators add_, multiply_, copy_, on tensors with axes")
    return st.lists(st.tuples(st.sampled_from(known), st.integers(-1, 3)), min_size=1, max_size=3)


@clause(
    "inplace.shape-and-dtype",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.correct-or-loud",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=programs(writes=True, recording_off=True),
    refused=_too_large,
)
def test_shape_and_dtype(engine: Engine, program: Program, refused: list[tuple[str, int]]) -> None:
    """A write keeps the shape and the dtype of the tensor that is written; it is refused where its operand does not
    broadcast to that shape, and the tensor then is as it was.
    """
    assume(any(step.writes for step in program.steps))
    wrong = iter(refused)

    def apply(engine: Engine, step: Step, operands: Sequence[Any]) -> Any:
        if not step.writes:
            return apply_step(engine, step, operands)
        before = engine.array(operands[0])
        for operator, axis in islice(wrong, 1):
            shape = _longer(before.shape, axis, engine.max_ndim)
            what = f"{operator} with an operand of shape {shape} on {before.shape}"
            refuses(what, partial(_apply, engine, operator, operands[0], engine.tensor(np.ones(shape, program.dtype))))
            equal(f"the value after {what}", engine.array(operands[0]), before)
        apply_step(engine, step, operands)
        after = engine.array(operands[0])
        equal("the shape of what was written", after.shape, before.shape)
        equal("the dtype of what was written", str(after.dtype), str(before.dtype))
        return operands[0]

    assert_correct_or_loud(engine, program, apply)


def _apply(engine: Engine, operator: str, target: Any, operand: Any) -> None:
    engine.apply(operator, target, operand)
    engine.array(target)


def _longer(shape: tuple[int, ...], axis: int, most: int) -> tuple[int, ...]:
    """A shape that does not broadcast to `shape`, though often the other way round; no more than `most` axes."""
    if (axis >= 0 and shape) or len(shape) == most:
        axis %= len(shape)
        return (*shape[:axis], shape[axis] + 1, *shape[axis + 1 :])
    return (2, *shape)


# ---- destinations ----
@clause(
    "inplace.out-argument",
    level=FULL,
    needs=(TAPE, NO_GRAD, "multiply_into_", "multiply", "copy_"),
    after="inplace.correct-or-loud",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=overwriting(Aim(saved=False, writes=("copy_",), most=2, product=True)),
)
def test_out_argument(engine: Engine, program: Program) -> None:
    """An operator that is given a destination for its result writes it there while recording is off; while recording is
    on, it is refused and the destination is as it was, or the destination has the gradients of what it now holds.

    In the program the result is a tensor of its own, which is then copied to the destination.
    """
    products = {place for place in range(len(program.steps)) if is_made_for_a_write(program, place, "multiply")}
    assume(products)

    places = count()

    def apply(engine: Engine, step: Step, operands: Sequence[Any]) -> Any:
        place = next(places)
        if place in products:
            return tuple(operands)
        if place - 1 not in products:
            return apply_step(engine, step, operands)
        target, factors = operands
        before = engine.array(target)
        allowed = step.recorded and any(engine.requires_grad(each) for each in (target, *factors))
        with may_refuse(allowed, "a destination where nothing has to be recorded") as attempt:
            engine.apply("multiply_into_", target, *factors)
        if attempt.refusal:
            equal("the destination that was refused", engine.array(target), before)
            engine.apply("copy_", target, engine.apply("multiply", *factors))
        return target

    assert_correct_or_loud(engine, program, apply)
