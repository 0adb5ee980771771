"""Gradients that the user assigns, clears and replaces."""

from functools import partial

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import SET_GRAD, TAPE, WRITE, Array, Engine, Tensor
from autograd_conformance.judge import assume, equal, refuses
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradient,
    backward_pass,
    expected_of,
)
from autograd_conformance.programs.generate import numbered, programs
from autograd_conformance.programs.layouts import EXPANDED, LAYOUTS, laid_out
from autograd_conformance.programs.overwriting import overwrite, require_overwriting
from autograd_conformance.programs.program import Program

SEPARATE = [layout for layout in LAYOUTS if layout != EXPANDED]
"""Layouts in which every element lies in a place of its own, so that it can be added to."""


def _passes(engine: Engine, program: Program, number: int, leaf: Tensor, count: int) -> Array:
    """So many passes to this leaf, the others being new each time; what they add up to."""
    expected = expected_of(engine, program)
    for _ in range(count):
        leaves = [leaf if each == number else other for each, other in enumerate(program.leaves(engine))]
        backward_pass(engine, program, leaves, expected)
    gradient = expected.gradients[number]
    assert gradient is not None
    return np.asarray(count * gradient)


@clause(
    "accum.assigned-gradient",
    level=CORE,
    needs=(TAPE, SET_GRAD),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    layout=st.sampled_from(SEPARATE),
    before=st.integers(0, 1),
    count=st.integers(1, 3),
)
def test_assigned_gradient(engine: Engine, program: Program, layout: str, before: int, count: int) -> None:
    """A gradient that the user assigns takes the place of what was stored, and later passes add to it."""
    number = program.leaf_numbers[0]
    leaf = program.leaves(engine)[number]
    _passes(engine, program, number, leaf, before)
    assigned = numbered(program.inputs[number].shape, program.dtype)
    engine.set_grad(leaf, laid_out(engine, assigned, layout))
    what = f"the gradient of x{number}"
    assert_gradient(engine, f"{what}, assigned", engine.grad(leaf), assigned)
    total = assigned + _passes(engine, program, number, leaf, count)
    assert_gradient(engine, what, engine.grad(leaf), np.asarray(total))


@clause(
    "accum.user-gradient-used",
    level=FULL,
    needs=(TAPE, SET_GRAD),
    after="accum.assigned-gradient",
    program=programs(passes=4),
    layout=st.sampled_from(SEPARATE),
    count=st.integers(1, 3),
)
def test_user_gradient_used(engine: Engine, program: Program, layout: str, count: int) -> None:
    """The tensor that the user assigns as a gradient is itself the stored gradient, and later passes add into it."""
    number = program.leaf_numbers[0]
    leaf = program.leaves(engine)[number]
    assigned = numbered(program.inputs[number].shape, program.dtype)
    given = laid_out(engine, assigned, layout)
    engine.set_grad(leaf, given)
    total = np.asarray(assigned + _passes(engine, program, number, leaf, count))
    equal(f"the tensor that was assigned as the gradient of x{number}", engine.array(given), total)


@clause(
    "accum.assign-checks",
    level=FULL,
    needs=(TAPE, SET_GRAD),
    after="accum.assigned-gradient",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=2),
    stored=st.booleans(),
    longer=st.booleans(),
)
def test_assign_checks(engine: Engine, program: Program, stored: bool, longer: bool) -> None:
    """Assigning a gradient of another shape or dtype, or the tensor itself, is refused and leaves the stored gradient as it
    was; making it absent is accepted, also where it is absent.
    """
    number = program.leaf_numbers[0]
    leaf = program.leaves(engine)[number]
    total = _passes(engine, program, number, leaf, int(stored))
    shape = program.inputs[number].shape
    others = [np.ones((*shape, 1) if longer and len(shape) < engine.max_ndim else (*shape[1:], 5), program.dtype)]
    others += [np.ones(shape, dtype) for dtype in engine.dtypes if dtype != program.dtype]
    for other in others:
        if other.ndim <= engine.max_ndim and engine.shapes is None:
            refuses("a gradient of another shape or dtype", partial(engine.set_grad, leaf, engine.tensor(other)))
    refuses("a tensor as its own gradient", partial(engine.set_grad, leaf, leaf))
    assert_gradient(engine, f"the gradient of x{number}, after refusals", engine.grad(leaf), total)
    engine.set_grad(leaf, None)
    engine.set_grad(leaf, None)
    equal(f"whether x{number} has no gradient", engine.grad(leaf) is None, True)
    gradient = _passes(engine, program, number, leaf, 1)
    assert_gradient(engine, f"the gradient of x{number}", engine.grad(leaf), gradient)


def _overwritable(engine: Engine) -> st.SearchStrategy[bool]:
    require_overwriting(engine)
    return st.booleans()


@clause(
    "accum.none-vs-zero",
    level=FULL,
    needs=(TAPE, SET_GRAD, WRITE),
    after="accum.in-place",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    absent=_overwritable,
    count=st.integers(1, 2),
)
def test_none_vs_zero(engine: Engine, program: Program, absent: bool, count: int) -> None:
    """A gradient is absent until a pass stores one, and again when it is made absent: the next pass then stores a new
    tensor.  Into one whose values were overwritten, with zeros or others, the next pass adds.
    """
    number = program.leaf_numbers[0]
    leaf = program.leaves(engine)[number]
    equal(f"whether x{number} has no gradient at first", engine.grad(leaf) is None, True)
    total = _passes(engine, program, number, leaf, count)
    held = engine.grad(leaf)
    assume(held is not None)
    if absent:
        engine.set_grad(leaf, None)
        equal(f"whether x{number} has no gradient, made absent", engine.grad(leaf) is None, True)
        gradient = _passes(engine, program, number, leaf, 1)
        equal(f"the gradient that x{number} had before", engine.array(held), total)
    else:
        overwrite(engine, held, 0)
        written = engine.array(held)
        gradient = np.asarray(written + _passes(engine, program, number, leaf, 1))
        equal(f"the gradient of x{number} that was overwritten", engine.array(held), gradient)
    assert_gradient(engine, f"the gradient of x{number}", engine.grad(leaf), gradient)
