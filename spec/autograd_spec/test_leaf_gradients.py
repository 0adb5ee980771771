"""Which tensors receive a gradient, and what it looks like."""

from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.judge import Unsupported, assume, equal
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    assert_no_gradient,
    backward_pass,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.generate import Choices, programs
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.palette import EXACT, Shape
from autograd_conformance.programs.program import Input, Program, Step


def _broadcasts(engine: Engine) -> st.SearchStrategy[Program]:
    """Two operands that broadcast with each other, also to nothing at all, combined and as a rule summed up."""
    operators = [name for name in ("multiply", "add", "subtract") if name in engine.operators]
    dtypes = [dtype for dtype in engine.dtypes if dtype in EXACT]
    if not operators or not dtypes:
        raise Unsupported("one of the operators multiply, add, subtract, in float32 or float64")
    if not engine.accepts_cotangent and engine.max_ndim and "sum" not in engine.operators:
        raise Unsupported("programs with one-element roots need the operator sum")
    return _broadcast(engine, operators, dtypes)


@st.composite
def _broadcast(draw: st.DrawFn, engine: Engine, operators: list[str], dtypes: list[str]) -> Program:
    choose = Choices(draw)
    lengths = (0, 1, 1, 2, 3)
    whole = tuple(lengths[choose(5)] for _ in range(choose(min(3, engine.max_ndim) + 1)))
    shapes = [_part(choose, whole) for _ in range(2)]
    if engine.shapes is not None:
        whole = engine.shapes[choose(len(engine.shapes))]
        shapes = [whole, whole]
    inputs = (Input(shapes[0]), Input(shapes[1], choose(3) > 0))
    steps = [Step(operators[choose(len(operators))], (0, 1) if choose(2) else (1, 0))]
    made = _broadcast_shape(*shapes)
    axes = tuple(axis for axis in range(len(made)) if choose(2) or not engine.accepts_cotangent)
    if axes and "sum" in engine.operators:
        keepdims = engine.accepts_cotangent and bool(choose(2))
        steps.append(Step("sum", (2,), {"axis": axes, "keepdims": keepdims}))
    root = 1 + len(steps)
    return Program(
        dtypes[choose(len(dtypes))], inputs, tuple(steps), (root,), choose(2**16), not engine.accepts_cotangent
    )


def _part(choose: Any, whole: Shape) -> Shape:
    """A shape that broadcasts to `whole`: without some first axes, of length 1 in others."""
    kept = whole[choose(len(whole) + 1) :] if choose(2) else whole
    return tuple(1 if choose(3) == 0 else length for length in kept)


def _broadcast_shape(one: Shape, other: Shape) -> Shape:
    ndim = max(len(one), len(other))
    pairs = zip((1,) * (ndim - len(one)) + one, (1,) * (ndim - len(other)) + other, strict=True)
    return tuple(b if a == 1 else a for a, b in pairs)


@clause(
    "leaf.grad-geometry",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=_broadcasts,
    count=st.integers(1, 3),
)
def test_grad_geometry(engine: Engine, program: Program, count: int) -> None:
    """The gradient stored on a leaf has the leaf's shape and dtype, also where the leaf was broadcast, has one element or
    none, and however often a gradient was added.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    for turn in range(count):
        backward_pass(engine, program, leaves, expected)
        if not turn:
            assert_gradients(engine, program, leaves, expected.gradients)
        for number in program.leaf_numbers:
            gradient = engine.grad(leaves[number])
            if gradient is not None:  # what it adds up to is for `accum.adds` to say
                value = engine.array(gradient)
                like = np.resize(value, program.inputs[number].shape).astype(program.dtype)
                equal(f"shape and dtype of the gradient of x{number}", value, like)


@clause(
    "leaf.grad-is-plain",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    program=programs(passes=3),
    count=st.integers(1, 3),
    wanting=st.booleans(),
)
def test_grad_is_plain(engine: Engine, program: Program, count: int, wanting: bool) -> None:
    """A stored gradient is a leaf and requires no gradients itself, also where the cotangent of the pass required them."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    for _ in range(count):
        roots = program.run(engine, leaves)
        if engine.accepts_cotangent:
            engine.backward(roots, [engine.tensor(each, requires_grad=wanting) for each in expected.cotangents])
        else:
            engine.backward(roots)
        for number in program.leaf_numbers:
            gradient = engine.grad(leaves[number])
            if gradient is not None:
                equal(f"whether the gradient of x{number} requires gradients", engine.requires_grad(gradient), False)
                equal(f"whether the gradient of x{number} is a leaf", engine.is_leaf(gradient), True)


@clause(
    "leaf.constants-no-grad",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(detach=True, passes=3),
    count=st.integers(1, 3),
)
def test_constants_no_grad(engine: Engine, program: Program, count: int) -> None:
    """A tensor that does not require gradients never receives one, even where it takes part in the computation."""
    tensors = Oracle(engine.aliasing).run(program)
    constants = [number for number, tensor in enumerate(tensors) if not tensor.history.requires]
    assume(constants)
    cotangents = expected_of(engine, program).cotangents
    leaves = program.leaves(engine)
    for _ in range(count):
        made = program.execute(engine, leaves)
        pass_back(engine, [made[root] for root in program.roots], cotangents)
        for number in constants:
            what = f"the gradient of {program.label(number)}, which requires none"
            assert_no_gradient(engine, what, made[number])


@clause(
    "leaf.nonleaf-grad-absent",
    level=FULL,
    needs=(TAPE,),
    after="op.exact-program",
    program=programs(passes=3),
    count=st.integers(1, 3),
)
def test_nonleaf_grad_absent(engine: Engine, program: Program, count: int) -> None:
    """A backward pass leaves no gradient on results that were not asked to retain theirs."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    for _ in range(count):
        made = program.execute(engine, leaves)
        pass_back(engine, [made[root] for root in program.roots], expected.cotangents)
        for number in range(len(leaves), len(made)):
            what = f"whether {program.label(number)} has no gradient"
            equal(what, engine.grad(made[number]) is None, True)
