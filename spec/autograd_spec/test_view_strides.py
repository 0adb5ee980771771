"""Where the elements of views lie in memory."""

from collections.abc import Sequence
from math import prod
from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import EXTENSION, FULL, clause
from autograd_conformance.engine import SET_REQUIRES_GRAD, STRIDES, TAPE, VIEW_BASE, VJP, Array, Engine, Tensor
from autograd_conformance.judge import Unsupported, assume, equal, may_refuse, refuses
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_gradient, assert_vjp, expected_of
from autograd_conformance.programs.generate import Choices
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import DETACH, Program, Step, apply_step
from autograd_conformance.programs.scenes import scenes
from autograd_conformance.programs.viewing import chains


def positions(engine: Engine, t: Tensor, shape: Sequence[int]) -> Array:
    """Where in memory each element of `t` lies, by its strides and its offset."""
    strides = engine.strides(t)
    equal("the number of strides", len(strides), len(shape))
    steps = (np.arange(n).reshape(-1, *[1] * (len(shape) - 1 - axis)) * strides[axis] for axis, n in enumerate(shape))
    return np.broadcast_to(engine.offset(t) + sum(steps, np.zeros((), int)), shape)


@clause(
    "view.stride-model",
    level=FULL,
    needs=(STRIDES,),
    after="view.aliasing",
    examples=200,
    program=chains(least=2, most=6, forks=True),
)
def test_stride_model(engine: Engine, program: Program) -> None:
    """Every view is an offset and strides over the memory of its base: the element at index i lies at the offset plus the
    sum of index times stride.
    """
    (shape,) = (each.shape for each in program.inputs)
    base = np.arange(prod(shape), dtype=program.dtype).reshape(shape)
    tensors = program.execute(engine, [engine.tensor(base)])
    memory = positions(engine, tensors[0], shape).reshape(-1)
    duals = Oracle(engine.aliasing).inputs([base], [False])
    for number, step in enumerate(program.steps, 1):
        duals.append(Oracle(engine.aliasing).apply(step, [duals[each] for each in step.operands]))
        if duals[-1].memory is duals[0].memory and duals[-1].value.size:
            places = memory[np.asarray(duals[-1].value, int)]
            equal(f"the offset of {program.label(number)}", engine.offset(tensors[number]), int(places.flat[0]))
            expected = [_step(places, axis) for axis in range(places.ndim)]
            assert_strides(engine, f"the strides of {program.label(number)}", tensors[number], places.shape, expected)


def _step(places: Array, axis: int) -> int:
    """How far it is in memory from one entry along an axis to the next."""
    entries = np.moveaxis(places, axis, 0)
    return int(entries[1].flat[0] - entries[0].flat[0]) if len(entries) > 1 else 0


def assert_strides(engine: Engine, what: str, t: Tensor, shape: Sequence[int], expected: Sequence[int]) -> None:
    """The strides along axes that are longer than one: those of others mean nothing."""
    got = engine.strides(t)
    equal(what, got, tuple(own if n < 2 else right for own, n, right in zip(got, shape, expected, strict=True)))


@clause(
    "view.expand-stride-zero",
    level=FULL,
    needs=(STRIDES, "broadcast_to"),
    after="view.stride-model",
    examples=200,
    program=chains(most=4, kinds=("broadcast_to",)),
)
def test_expand_stride_zero(engine: Engine, program: Program) -> None:
    """An expanded axis has stride zero, and the others keep theirs."""
    tensors = program.execute(engine, program.leaves(engine))
    shapes = [dual.value.shape for dual in Oracle(engine.aliasing).tensors(program)]
    for number, step in enumerate(program.steps, 1):
        source = step.operands[0]
        if step.operator != "broadcast_to" or 0 in shapes[number]:
            continue
        before = (*[0] * (len(shapes[number]) - len(shapes[source])), *engine.strides(tensors[source]))
        lengths = (*[1] * (len(shapes[number]) - len(shapes[source])), *shapes[source])
        expected = [stride if n > 1 else 0 for stride, n in zip(before, lengths, strict=True)]
        assert_strides(engine, f"the strides of {program.label(number)}", tensors[number], shapes[number], expected)


def reshaped(engine: Engine) -> st.SearchStrategy[Program]:
    if "reshape" not in engine.aliasing:
        raise Unsupported("a reshape that shares memory with its operand")
    return chains(least=2, most=4, kinds=("reshape",), cotangents=True)(engine)


@clause(
    "view.view-needs-compatible-strides",
    level=FULL,
    needs=(TAPE, "view", "reshape", "multiply_"),
    after="view.aliasing",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=reshaped,
)
def test_view_needs_compatible_strides(engine: Engine, program: Program) -> None:
    """Viewing a tensor in another shape that no strides can express is refused, and reshaping it copies; otherwise both share
    its memory, and pass gradients back alike.
    """
    *_, last = program.steps
    assume(last.operator == "reshape")
    duals = Oracle(engine.aliasing).tensors(program)
    (source,) = last.operands
    assume(duals[source].value.size)
    tensors = program.execute(engine, [engine.tensor(array) for array in program.arrays])
    reshaped, shares = tensors[-1], duals[-1].memory is duals[source].memory
    if not shares:
        what = f"a view of {program.label(source)} in a shape that its strides cannot express"
        refuses(what, lambda: engine.array(engine.apply("view", tensors[source], **last.params)))
    viewed = engine.apply("view", tensors[source], **last.params) if shares else reshaped
    base = next(number for number, dual in enumerate(duals) if dual.memory is duals[source].memory)
    engine.apply("multiply_", tensors[base], engine.tensor(np.array(2, program.dtype)))
    expected = np.asarray((1 + shares) * duals[-1].value, program.dtype)
    what = f"{{}}, after the memory that {program.label(source)} views was doubled"
    equal(what.format("the reshaped tensor"), engine.array(reshaped), expected)
    equal(what.format("the view"), engine.array(viewed), expected)
    if shares:
        assert_vjp(engine, program, expected_of(engine, program), apply=lambda *call: viewing(last, *call))


def viewing(last: Step, engine: Engine, step: Step, operands: Sequence[Tensor]) -> Tensor:
    """The step, but `view` for the `last` one."""
    return engine.apply("view", *operands, **step.params) if step is last else apply_step(engine, step, operands)


@clause(
    "view.clone-layout",
    level=FULL,
    needs=(STRIDES, "clone"),
    after="view.stride-model",
    examples=300,
    program=chains(least=2, most=5, kinds=("clone",), cotangents=True),
)
def test_clone_layout(engine: Engine, program: Program) -> None:
    """A copy of a tensor that fills its memory without gaps and overlap has the same strides; a copy of any other fills its
    memory so.
    """
    *_, last = program.steps
    assume(last.operator == "clone")
    copy = Oracle(engine.aliasing).tensors(program)[-1]
    shape = copy.value.shape
    assume(copy.value.size)
    tensors = program.execute(engine, program.leaves(engine))
    source = tensors[last.operands[0]]
    equal("whether the copy fills its memory", is_dense(positions(engine, tensors[-1], shape)), True)
    if is_dense(positions(engine, source, shape)):
        assert_strides(engine, "the strides of the copy", tensors[-1], shape, engine.strides(source))


def is_dense(places: Array) -> bool:
    """Whether these places are neighbours, none of them taken twice."""
    return bool(np.array_equal(np.sort(places, None), np.arange(places.min(), places.min() + places.size)))


@clause(
    "view.base-relation",
    level=FULL,
    needs=(TAPE, VIEW_BASE),
    after="view.aliasing",
    examples=300,
    program=scenes(most=1),
)
def test_base_relation(engine: Engine, program: Program) -> None:
    """A view, and a view of it, name as their base the tensor that is no view, and no other; what is no view names none."""
    duals = Oracle(engine.aliasing).run(program)
    with may_refuse(True, "a write to what a derivative may need") as attempt:
        tensors = program.execute(engine, program.leaves(engine))
    assume(attempt.refusal is None)
    own = [number for number in range(len(tensors)) if program.target(number) == number]
    first = {id(duals[number].memory): number for number in reversed(own)}
    for number in own:
        for other in own:
            base = first[id(duals[number].memory)]
            what = f"whether {program.label(number)} is a view of {program.label(other)}"
            equal(what, engine.is_view_of(tensors[number], tensors[other]), number != base == other)


# ---- views that change nothing ----
def shapes(engine: Engine) -> st.SearchStrategy[tuple[int, ...]]:
    if engine.shapes is not None:
        return st.sampled_from(engine.shapes)
    return st.lists(st.integers(0, 3), max_size=min(3, engine.max_ndim)).map(tuple)


UNCHANGING: dict[str, Any] = {
    "reshape": lambda shape: {"shape": shape},
    "permute_dims": lambda shape: {"axes": tuple(range(len(shape)))},
    "broadcast_to": lambda shape: {"shape": shape},
    "slice": lambda shape: {"key": (slice(0, shape[0], 1),)},
    DETACH: lambda shape: {},
}
"""View operator -> parameters with which its result has all that its operand has."""


def unchanging(engine: Engine) -> st.SearchStrategy[str]:
    if not engine.accepts_cotangent:
        raise Unsupported("a pass with a cotangent")
    known = [name for name in UNCHANGING if name in engine.aliasing and (name == DETACH or name in engine.operators)]
    if not known:
        raise Unsupported("no operator whose result shares memory with its operand")
    return st.sampled_from(known)


@clause(
    "view.identity-returns",
    level=FULL,
    needs=(TAPE, SET_REQUIRES_GRAD),
    choices=(ABSENT_ZEROS,),
    shape=shapes,
    operator=unchanging,
)
def test_identity_returns(engine: Engine, shape: tuple[int, ...], operator: str) -> None:
    """A view in which nothing changes is a tensor of its own: that it begins to require gradients, and gets one, is nothing to
    the tensor that it is a view of.
    """
    assume(shape or operator != "slice")
    value, cotangent = np.full(shape, 1, engine.dtypes[0]), np.full(shape, 3, engine.dtypes[0])
    x = engine.tensor(value)
    view = apply_step(engine, Step(operator, (0,), UNCHANGING[operator](shape)), [x])
    engine.set_requires_grad(view, True)
    equal("whether the view requires gradients", engine.requires_grad(view), True)
    equal("whether the tensor requires gradients", engine.requires_grad(x), False)
    engine.backward([view], [engine.tensor(cotangent)])
    assert_gradient(engine, "the gradient of the view", engine.grad(view), cotangent)
    equal("the gradient of the tensor", engine.grad(x), None)


# ---- any geometry ----
Geometry = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]
"""The shape of a base; shape, strides and offset of a view of its memory."""


def geometries(engine: Engine) -> st.SearchStrategy[Geometry]:
    if not engine.accepts_cotangent:
        raise Unsupported("a pass with a cotangent")
    return _geometries(engine)


@st.composite
def _geometries(draw: st.DrawFn, engine: Engine) -> Geometry:
    choose = Choices(draw)
    pool = engine.shapes or ((2,), (5,), (2, 3), (3, 3), (3, 4), (2, 2, 3))
    base = pool[choose(len(pool))]
    shape = tuple(choose(8) and 1 + choose(3) for _ in range(min(1 + choose(3), engine.max_ndim)))
    room, strides = prod(base) - 1, list[int]()
    for length in shape:
        strides.append(choose(min(4, room // (length - 1)) + 1) if length > 1 else choose(3))
        room -= strides[-1] * max(length - 1, 0)
    return base, shape, tuple(strides), choose(room + 1)


@clause(
    "view.as-strided-overlap",
    level=EXTENSION,
    needs=(VJP, "as_strided"),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=200,
    geometry=geometries,
    seed=st.integers(0, 2**16),
)
def test_as_strided_overlap(engine: Engine, geometry: Geometry, seed: int) -> None:
    """A view of any shape, strides and offset has the elements that lie there, and passes to each the sum of the gradients of
    all places at which it is seen.
    """
    base, shape, strides, offset = geometry
    draw = np.random.default_rng(seed)
    value, cotangent = (draw.integers(1, 9, each).astype(engine.dtypes[0]) for each in (base, shape))
    where = offset + sum(np.indices(shape)[axis] * stride for axis, stride in enumerate(strides))
    where = np.broadcast_to(where, shape)

    def function(x: Tensor) -> list[Tensor]:
        return [engine.apply("as_strided", x, shape=shape, strides=strides, offset=offset)]

    outputs, gradients = engine.vjp(function, [engine.tensor(value, requires_grad=True)], [engine.tensor(cotangent)])
    equal("the view", engine.array(outputs[0]), np.asarray(value.reshape(-1)[where]))
    expected = np.bincount(where.reshape(-1), cotangent.reshape(-1), value.size).reshape(base).astype(value.dtype)
    assert_gradient(engine, "the gradient of the base", gradients[0], expected)
