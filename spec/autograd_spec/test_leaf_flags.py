"""Leaves that begin or cease to require gradients, and tensors of which none can be wanted."""

from functools import partial

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import SET_GRAD, SET_REQUIRES_GRAD, TAPE, Array, Engine, Tensor
from autograd_conformance.judge import assume, chosen, equal, may_refuse, refuses
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    Totals,
    assert_gradient,
    assert_gradients,
    assert_no_gradient,
    backward_pass,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.generate import numbered, programs, shapes
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.palette import Shape
from autograd_conformance.programs.program import Program

CLEARED = "the flag of a result can be cleared"


@clause(
    "leaf.flag-set",
    level=CORE,
    needs=(TAPE, SET_REQUIRES_GRAD),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=3),
    toggles=st.tuples(*[st.integers(0, 3)] * 3),
    count=st.integers(1, 3),
)
def test_flag_set(engine: Engine, program: Program, toggles: tuple[int, ...], count: int) -> None:
    """A leaf that comes to require gradients, or ceases to, before it is used is like one that was built so."""
    expected = expected_of(engine, program)
    leaves = [
        _toggled(engine, array, each.requires_grad, toggles[place % len(toggles)])
        for place, (array, each) in enumerate(zip(program.arrays, program.inputs, strict=True))
    ]
    totals = Totals(engine, program, leaves)
    for _ in range(count):
        backward_pass(engine, program, leaves, expected)
        totals.add(expected.gradients)
        for number, each in enumerate(program.inputs):
            if not each.requires_grad:
                assert_no_gradient(engine, f"the gradient of x{number}, which requires none", leaves[number])


def _toggled(engine: Engine, array: Array, flag: bool, toggles: int) -> Tensor:
    """A leaf whose flag has been changed so many times, to become `flag`."""
    leaf = engine.tensor(array, requires_grad=flag ^ bool(toggles % 2))
    for left in reversed(range(toggles)):
        engine.set_requires_grad(leaf, flag ^ bool(left % 2))
        equal("whether the leaf requires gradients", engine.requires_grad(leaf), flag ^ bool(left % 2))
        equal("whether it is a leaf", engine.is_leaf(leaf), True)
    return leaf


@clause(
    "leaf.float-or-complex-only",
    level=FULL,
    needs=(TAPE,),
    shape=shapes,
    dtype=st.sampled_from(["bool", "uint8", "int32", "int64"]),
)
def test_float_or_complex_only(engine: Engine, shape: Shape, dtype: str) -> None:
    """Asking for a gradient of integers or booleans is refused, when they are built and later, and leaves them as they are."""
    array = np.ones(shape, dtype)
    refuses("building integers that require gradients", partial(engine.tensor, array, requires_grad=True))
    if engine.has(SET_REQUIRES_GRAD):
        integers = engine.tensor(array)
        refuses("asking for gradients of integers", partial(engine.set_requires_grad, integers, True))
        equal("whether integers require gradients", engine.requires_grad(integers), False)
        engine.set_requires_grad(integers, False)


@clause(
    "leaf.flag-off-nonleaf",
    level=CORE,
    needs=(TAPE, SET_REQUIRES_GRAD),
    after="op.exact-program",
    choices=(ABSENT_ZEROS, CLEARED),
    program=programs(),
    pick=st.integers(0, 31),
)
def test_flag_off_nonleaf(engine: Engine, program: Program, pick: int) -> None:
    """Clearing the flag of a result is either refused, and then changes nothing, or it takes effect."""
    _clear(engine, program, pick, may_accept=True)


@clause(
    "leaf.flag-off-nonleaf-error",
    level=FULL,
    needs=(TAPE, SET_REQUIRES_GRAD),
    after="leaf.flag-off-nonleaf",
    choices=(ABSENT_ZEROS,),
    program=programs(),
    pick=st.integers(0, 31),
)
def test_flag_off_nonleaf_error(engine: Engine, program: Program, pick: int) -> None:
    """Clearing the flag of a result is refused and changes nothing; setting it, where it is set already, is accepted."""
    _clear(engine, program, pick, may_accept=False)


def _clear(engine: Engine, program: Program, pick: int, *, may_accept: bool) -> None:
    expected = expected_of(engine, program)
    duals = Oracle(engine.aliasing).run(program)
    results = [number for number in range(len(program.inputs), len(duals)) if duals[number].history.requires]
    assume(results)
    leaves = program.leaves(engine)
    tensors = program.execute(engine, leaves)
    result = tensors[results[pick % len(results)]]
    if may_accept:
        with may_refuse(True, "clearing the flag of a result") as attempt:
            engine.set_requires_grad(result, False)
        if attempt.refusal is None:
            chosen(CLEARED)
            equal("whether a result whose flag was cleared requires gradients", engine.requires_grad(result), False)
            return
    else:
        refuses("clearing the flag of a result", partial(engine.set_requires_grad, result, False))
        engine.set_requires_grad(result, True)
    equal("whether the result still requires gradients", engine.requires_grad(result), True)
    equal("whether the result is a leaf", engine.is_leaf(result), False)
    pass_back(engine, [tensors[root] for root in program.roots], expected.cotangents)
    assert_gradients(engine, program, leaves, expected.gradients)


@clause(
    "leaf.freeze-after-forward",
    level=FULL,
    needs=(TAPE, SET_REQUIRES_GRAD),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    frozen=st.integers(1, 7),
    stored=lambda engine: st.booleans() if engine.has(SET_GRAD) else st.just(False),
)
def test_freeze_after_forward(engine: Engine, program: Program, frozen: int, stored: bool) -> None:
    """A pass writes no gradient to a leaf whose flag was cleared since it was used, and delivers those of the others; when
    the flag is set again, later passes add to what the leaf had.
    """
    cold = [number for place, number in enumerate(program.leaf_numbers) if frozen >> place & 1]
    assume(cold and not set(cold) & set(program.roots))
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    had = [numbered(array.shape, program.dtype) for array in program.arrays]
    if stored:
        for number in program.leaf_numbers:
            engine.set_grad(leaves[number], engine.tensor(had[number]))
    totals: list[Array | None] = [array if stored else np.zeros_like(array) for array in had]
    roots = program.run(engine, leaves)
    for number in cold:
        engine.set_requires_grad(leaves[number], False)
    pass_back(engine, roots, expected.cotangents)
    for number in program.leaf_numbers:
        totals[number] = totals[number] if number in cold else _sum(totals[number], expected.gradients[number])
    assert_gradients(engine, program, leaves, totals)
    for number in cold:
        engine.set_requires_grad(leaves[number], True)
    backward_pass(engine, program, leaves, expected)
    for number in cold:  # of the others, a few may store theirs in one memory, which is what `accum.adds` is about
        total = _sum(totals[number], expected.gradients[number])
        assert_gradient(engine, f"the gradient of x{number}, no longer frozen", engine.grad(leaves[number]), total)


def _sum(total: Array | None, gradient: Array | None) -> Array:
    assert total is not None and gradient is not None
    return np.asarray(total + gradient)
