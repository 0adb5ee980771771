"""Broadcasting.

Operands whose shapes differ are stretched to a common shape: axes of length one are repeated, and missing leading axes are added.
"""

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import ALWAYS, TAPE, VJP, WRITE, Array, Engine, Tensor
from autograd_conformance.judge import Unsupported, assume, equal, refuses
from autograd_conformance.programs.broadcasting import (
    BROADCASTING_WRITES,
    ELEMENTWISE,
    batches,
    broadcast_writes,
    pairs,
    reduced,
    shape_of,
)
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_correct_or_loud,
    assert_gradient,
    assert_vjp,
    expected_of,
)
from autograd_conformance.programs.generate import Choices
from autograd_conformance.programs.layouts import LAYOUTS, laid_out
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import Program


@clause(
    "bcast.reduce-to-operand",
    level=CORE,
    needs=(VJP,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=800,
    program=pairs(),
)
def test_reduce_to_operand(engine: Engine, program: Program) -> None:
    """The gradient of an operand that was broadcast is summed over all axes along which it was repeated, and has exactly the
    operand's shape.
    """
    assert_vjp(engine, program, expected_of(engine, program))


@clause(
    "bcast.matmul-batch",
    level=CORE,
    needs=(VJP, "matmul"),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=400,
    program=batches,
)
def test_matmul_batch(engine: Engine, program: Program) -> None:
    """The leading axes of a product of matrices broadcast, and the gradient of each factor is summed over those along which it
    was repeated.
    """
    assert_vjp(engine, program, expected_of(engine, program))


@clause(
    "bcast.in-place",
    level=CORE,
    needs=(TAPE, WRITE),
    after="bcast.reduce-to-operand",
    choices=(ABSENT_ZEROS,),
    examples=600,
    program=broadcast_writes,
)
def test_in_place(engine: Engine, program: Program) -> None:
    """The operand of a write is broadcast to what is written, and its gradient is summed over the axes along which it was
    repeated.
    """
    assert_correct_or_loud(engine, program)


# ---- three operands ----
def triples(engine: Engine) -> st.SearchStrategy[tuple[Shape, Shape, Shape]]:
    if not engine.accepts_cotangent:
        raise Unsupported("a pass with a cotangent")
    return _triples(Palette.of(engine, writes=False, detach=False, recording_off=False, often="", passes=1))


@st.composite
def _triples(draw: st.DrawFn, palette: Palette) -> tuple[Shape, Shape, Shape]:
    choose = Choices(draw)
    shape = shape_of(choose, palette)
    x, y, mask = (reduced(choose, palette, shape) for _ in range(3))
    return x, y, mask


@clause(
    "bcast.ternary",
    level=FULL,
    needs=(VJP, "where"),
    after="bcast.reduce-to-operand",
    choices=(ABSENT_ZEROS,),
    examples=200,
    shapes=triples,
    layout=st.sampled_from(LAYOUTS[:-1]),
    seed=st.integers(0, 2**16),
)
def test_ternary(engine: Engine, shapes: tuple[Shape, Shape, Shape], layout: str, seed: int) -> None:
    """A choice by a mask broadcasts its three operands, and the gradient of each is reduced by itself: only what was chosen
    passes, summed over the axes along which the operand was repeated.
    """
    assume(0 not in shapes[2])  # of a nested tuple that is empty nobody knows the shape
    draw = np.random.default_rng(seed)
    x, y = (draw.integers(1, 9, shape).astype(engine.dtypes[0]) for shape in shapes[:2])
    mask = draw.integers(0, 2, shapes[2]).astype(bool)
    shape = np.broadcast_shapes(*shapes)
    cotangent = draw.integers(1, 9, shape).astype(x.dtype)

    def function(*operands: Tensor) -> list[Tensor]:
        return [engine.apply("where", *operands, mask=_nested(mask))]

    leaves = [engine.tensor(each, requires_grad=True) for each in (x, y)]
    outputs, gradients = engine.vjp(function, leaves, [laid_out(engine, cotangent, layout)])
    equal("the choice", engine.array(outputs[0]), np.asarray(np.where(mask, x, y)))
    for name, each, gradient, chosen in zip("xy", (x, y), gradients, (mask, ~mask), strict=True):
        expected = summed_to(np.where(chosen, cotangent, 0), each.shape).astype(x.dtype)
        assert_gradient(engine, f"the gradient of {name}", gradient, expected)


def _nested(mask: Array) -> Any:
    return tuple(_nested(each) for each in mask) if mask.ndim else bool(mask)


def summed_to(array: Array, shape: Shape) -> Array:
    """The sum over the axes along which an array of this shape was repeated."""
    new = array.ndim - len(shape)
    repeated = [new + axis for axis, length in enumerate(shape) if length == 1]
    return np.asarray(array.sum((*range(new), *repeated))).reshape(shape)


# ---- shapes that do not fit ----
REFUSING = (*ELEMENTWISE, "matmul", "broadcast_to", *BROADCASTING_WRITES)


def unfitting(engine: Engine) -> st.SearchStrategy[tuple[str, Shape, Shape]]:
    """An operator, and two shapes that it has to refuse."""
    known = [each for each in REFUSING if each in engine.operators and (each != "matmul" or engine.max_ndim > 1)]
    if not known or engine.max_ndim < 1:
        raise Unsupported(f"one of the operators {', '.join(REFUSING)}, and tensors with axes")
    if engine.shapes is None:
        return _unfitting(engine.max_ndim, known)
    shapes = [(each, x, y) for each in known for x in engine.shapes for y in engine.shapes if _differ(each, x, y)]
    if not shapes:
        raise Unsupported("two shapes that do not broadcast")
    return st.sampled_from(shapes)


@st.composite
def _unfitting(draw: st.DrawFn, max_ndim: int, operators: Sequence[str]) -> tuple[str, Shape, Shape]:
    """The second shape is made of the first: leading axes left out, and the length of one axis changed."""
    choose = Choices(draw)
    operator = operators[choose(len(operators))]
    least = 2 if operator == "matmul" else 1
    shape = tuple((2, 3, 4, 1, 0)[choose(5)] for _ in range(least + choose(min(3, max_ndim) - least + 1)))
    other = list(shape[choose(len(shape) - least + 1) :])
    if operator == "matmul":
        other[-2:] = [(2, 3, 4, 1, 0)[choose(5)], other[-2]]
    other[choose(len(other))] = (2, 3, 4, 0)[choose(4)]
    is_ordered = operator in ("broadcast_to", *BROADCASTING_WRITES) or choose(2)
    x, y = (shape, tuple(other)) if is_ordered else (tuple(other), shape)
    assume(_differ(operator, x, y))
    return operator, x, y


def _differ(operator: str, x: Shape, y: Shape) -> bool:
    if operator == "matmul":
        return len(x) > 1 and len(y) > 1 and x[-1] != y[-2]
    return any(a != b and 1 not in (a, b) for a, b in zip(reversed(x), reversed(y), strict=False))


@clause(
    "bcast.incompatible",
    level=CORE,
    needs=(ALWAYS,),
    examples=1000,
    case=unfitting,
    requires_grad=st.booleans(),
)
def test_incompatible(engine: Engine, case: tuple[str, Shape, Shape], requires_grad: bool) -> None:
    """Operands whose shapes do not broadcast, and factors whose inner lengths differ, are refused by the operator, or at the
    latest where its result is read; a write that is refused changes nothing.
    """
    operator, *shapes = case
    x, y = (np.full(shape, 2, engine.dtypes[0]) for shape in shapes)
    params: dict[str, Any] = {}
    if operator in ("broadcast_to", "setitem_"):
        params = {"shape": y.shape} if operator == "broadcast_to" else {"key": (slice(0, x.shape[0], 1),)}
    writes = operator.endswith("_")
    target = engine.tensor(x, requires_grad=requires_grad and not writes)
    operands = [target] if operator == "broadcast_to" else [target, engine.tensor(y)]

    def call() -> Array:
        made = engine.apply(operator, *operands, **params)
        return engine.array(target if writes else made)

    refuses(f"{operator} of shapes {x.shape} and {y.shape}", call)
    if writes:
        equal("what was to be written", engine.array(target), x)
