"""The memory that stored gradients lie in, and who else may write to it."""

from collections.abc import Sequence
from math import prod

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import (
    CREATE_GRAPH,
    SET_REQUIRES_GRAD,
    STRIDES,
    TAPE,
    VERSIONS,
    WRITE,
    Array,
    Engine,
    Tensor,
)
from autograd_conformance.judge import Unsupported, assume, equal, may_refuse, note
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradient,
    assert_gradients,
    backward_pass,
    expected_for,
    expected_of,
    multiplied,
    pass_back,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.joined import joined_leaves
from autograd_conformance.programs.layouts import EXPANDED, LAYOUTS, constant_along_first, laid_out
from autograd_conformance.programs.overwriting import overwrite, require_overwriting
from autograd_conformance.programs.palette import Shape
from autograd_conformance.programs.program import Program


def _overwritable(engine: Engine) -> st.SearchStrategy[Program]:
    require_overwriting(engine)
    return joined_leaves(engine)


def _with_cotangents(engine: Engine) -> st.SearchStrategy[Program]:
    if not engine.accepts_cotangent:
        raise Unsupported("a pass with a cotangent")
    return _overwritable(engine)


def _write(engine: Engine, t: Tensor) -> None:
    """Other values into `t`; where that is refused, nothing has been written and nobody can see it."""
    with may_refuse(True, "a write to a stored gradient"):
        overwrite(engine, t, 7)


# ---- nobody else's memory ----
@clause(
    "accum.no-aliasing-through-views",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=joined_leaves,
    count=st.integers(1, 2),
)
def test_no_aliasing_through_views(engine: Engine, program: Program, count: int) -> None:
    """What a pass adds to one leaf's gradient never changes another leaf's, whatever views lie between the leaves and where
    they are joined.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    backward_pass(engine, program, leaves, expected)
    assert_gradients(engine, program, leaves, expected.gradients)
    for number in program.leaf_numbers[:count]:
        again = [leaves[number] if each == number else other for each, other in enumerate(program.leaves(engine))]
        backward_pass(engine, program, again, expected)
        for other in program.leaf_numbers[number + 1 :]:
            what = f"the gradient of x{other}, after a pass to x{number}"
            assert_gradient(engine, what, engine.grad(leaves[other]), expected.gradients[other])


@clause(
    "accum.no-aliasing-between-leaves",
    level=CORE,
    needs=(TAPE, WRITE),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=_overwritable,
)
def test_no_aliasing_between_leaves(engine: Engine, program: Program) -> None:
    """Gradients stored on different leaves never overlap in memory: a write to one does not show in another."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    backward_pass(engine, program, leaves, expected)
    for place, number in enumerate(program.leaf_numbers):
        gradient = engine.grad(leaves[number])
        if gradient is not None:
            _write(engine, gradient)
        for other in program.leaf_numbers[place + 1 :]:
            what = f"the gradient of x{other}, after a write to that of x{number}"
            assert_gradient(engine, what, engine.grad(leaves[other]), expected.gradients[other])


@clause(
    "accum.no-aliasing-with-argument",
    level=CORE,
    needs=(TAPE, WRITE),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=_with_cotangents,
    layout=st.sampled_from([layout for layout in LAYOUTS if layout != "expanded"]),
    passes=st.integers(1, 2),
)
def test_no_aliasing_with_argument(engine: Engine, program: Program, layout: str, passes: int) -> None:
    """A stored gradient never shares memory with the cotangent that the caller gave: later passes and writes to the one do
    not show in the other.
    """
    expected = expected_of(engine, program)
    for number in program.leaf_numbers:
        leaves = program.leaves(engine)
        given = [laid_out(engine, cotangent, layout) for cotangent in expected.cotangents]
        engine.backward(program.run(engine, leaves), given)
        if passes == 2:  # what is added must not be added to the caller's tensor
            backward_pass(engine, program, leaves, expected)
        gradient = engine.grad(leaves[number])
        if gradient is None:
            continue
        if passes == 1:
            _write(engine, given[0])
            assert_gradient(engine, f"the gradient of x{number}", gradient, expected.gradients[number])
            continue
        equal("the cotangent of the first pass", engine.array(given[0]), expected.cotangents[0])
        _write(engine, gradient)
        equal("the cotangent, after a write to the gradient", engine.array(given[0]), expected.cotangents[0])


# ---- its own memory ----


@clause(
    "accum.writable-dense",
    level=CORE,
    needs=(TAPE, "setitem_"),
    after="op.exact-program",
    examples=250,
    program=programs(often="broadcast_to"),
    expanded=st.booleans(),
    place=st.integers(0, 31),
)
def test_writable_dense(engine: Engine, program: Program, expanded: bool, place: int) -> None:
    """Every element of a stored gradient lies in a place of its own, so that a write to one changes that one only."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)
    if expanded and engine.accepts_cotangent and "broadcast_to" in engine.operators:
        engine.backward(roots, [_expanded_ones(engine, each) for each in expected.cotangents])
    else:
        pass_back(engine, roots, expected.cotangents)
    for number in program.leaf_numbers:
        gradient = engine.grad(leaves[number])
        length = program.inputs[number].shape[:1]
        if gradient is not None and length and length[0]:
            value = engine.array(gradient)
            equal(f"the shape of the gradient of x{number}", value.shape, program.inputs[number].shape)
            value[place % length[0]] = 99
            entry = np.full(value.shape[1:], 99, value.dtype)
            plain = engine.detach(gradient)
            engine.apply("setitem_", plain, engine.tensor(entry), key=(place % length[0],))
            equal(f"the gradient of x{number}, one entry of which was written", engine.array(plain), value)


def _expanded_ones(engine: Engine, like: Array) -> Tensor:
    return engine.apply("broadcast_to", engine.tensor(np.ones((), like.dtype)), shape=like.shape)


@clause(
    "accum.in-place",
    level=FULL,
    needs=(TAPE,),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    count=st.integers(1, 3),
)
def test_in_place(engine: Engine, program: Program, count: int) -> None:
    """A later pass adds into the gradient that is stored, so that who refers to it sees the new total."""
    number = program.leaf_numbers[0]
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    backward_pass(engine, program, leaves, expected)
    held = engine.grad(leaves[number])
    if held is None:
        return
    for turn in range(2, count + 2):
        leaves = [leaves[number] if each == number else leaf for each, leaf in enumerate(program.leaves(engine))]
        backward_pass(engine, program, leaves, expected)
        total = multiplied(turn, expected.gradients)[number]
        assert_gradient(engine, f"the gradient of x{number} that was held", held, total)


@clause(
    "accum.out-of-place-under-create-graph",
    level=FULL,
    needs=(TAPE, CREATE_GRAPH),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    creating=st.lists(st.booleans(), min_size=1, max_size=3).map(tuple),
)
def test_out_of_place_under_create_graph(engine: Engine, program: Program, creating: tuple[bool, ...]) -> None:
    """A pass that is recorded stores a new tensor and leaves the gradient that was stored before as it was."""
    number = program.leaf_numbers[0]
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    for turn, created in enumerate((*creating, True), 1):
        held = engine.grad(leaves[number])
        leaves = [leaves[number] if each == number else leaf for each, leaf in enumerate(program.leaves(engine))]
        backward = engine.backward_creating_graph if created else None
        pass_back(engine, program.run(engine, leaves), expected.cotangents, backward)
        total = multiplied(turn, expected.gradients)[number]
        assert_gradient(engine, f"the gradient of x{number}", engine.grad(leaves[number]), total)
        if created and held is not None:
            before = multiplied(turn - 1, expected.gradients)[number]
            assert_gradient(engine, f"the gradient that x{number} had before", held, before)


# ---- writes that are counted ----
@clause(
    "accum.used-gradient",
    level=CORE,
    needs=(TAPE, "multiply"),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    more=st.integers(1, 3),
)
def test_used_gradient(engine: Engine, program: Program, more: int) -> None:
    """A graph that was made of a stored gradient delivers, after more was added to that gradient, what is right for the
    value that it had, or is refused.
    """
    number = program.leaf_numbers[0]
    expected = expected_of(engine, program)
    value = expected.gradients[number]
    assert value is not None
    assume(engine.accepts_cotangent or not value.shape)
    leaves = program.leaves(engine)
    backward_pass(engine, program, leaves, expected)
    gradient = engine.grad(leaves[number])
    if gradient is None:
        return
    weights = engine.tensor(np.full_like(value, 2), requires_grad=True)
    product = engine.apply("multiply", weights, gradient)
    for _ in range(more):
        leaves = [leaves[number] if each == number else leaf for each, leaf in enumerate(program.leaves(engine))]
        backward_pass(engine, program, leaves, expected)
    with may_refuse(True, "a pass that needs a gradient to which more was added") as attempt:
        pass_back(engine, [product], [np.ones_like(value)])
        assert_gradient(engine, "the gradient of what was multiplied with a gradient", engine.grad(weights), value)
    note(f"a gradient in use that more is added to: {'refused' if attempt.refusal else 'kept'}")


@clause(
    "accum.version-bump",
    level=FULL,
    needs=(TAPE, VERSIONS),
    after="accum.in-place",
    program=programs(passes=4),
    count=st.integers(1, 3),
)
def test_version_bump(engine: Engine, program: Program, count: int) -> None:
    """Adding to a stored gradient counts as one write to it."""
    number = program.leaf_numbers[0]
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    backward_pass(engine, program, leaves, expected)
    held = engine.grad(leaves[number])
    assume(held is not None)
    before = engine.version_of(held)
    for turn in range(1, count + 1):
        leaves = [leaves[number] if each == number else leaf for each, leaf in enumerate(program.leaves(engine))]
        backward_pass(engine, program, leaves, expected)
        equal(f"how often the gradient of x{number} was written", engine.version_of(held), before + turn)


# ---- how it lies there ----
def _leaf(engine: Engine, array: Array, layout: str, order: Sequence[int]) -> Tensor:
    """A leaf of these values that requires gradients, with other strides where that can be made."""
    if layout == "permuted" and "permute_dims" in engine.operators:
        axes = tuple(axis for axis in order if axis < array.ndim)
        made = engine.apply("permute_dims", engine.tensor(array.transpose(np.argsort(axes)).copy()), axes=axes)
    else:
        made = laid_out(engine, array, layout)
    leaf = engine.detach(made)
    engine.set_requires_grad(leaf, True)
    return leaf


def _strides_of_a_gradient(strides: Sequence[int], shape: Shape) -> tuple[int, ...]:
    """Those of the leaf where its elements fill a block of memory, and row-major ones otherwise."""
    expected = 1
    for stride, length in sorted((stride, length) for stride, length in zip(strides, shape, strict=True) if length > 1):
        if stride != expected:
            return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
        expected *= length
    return tuple(strides)


@clause(
    "accum.layout-contract",
    level=FULL,
    needs=(TAPE, STRIDES, SET_REQUIRES_GRAD),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=programs(),
    layout=st.sampled_from(["row-major", "permuted", "permuted", "permuted", "with gaps", "with gaps", EXPANDED]),
    order=st.sampled_from([(1, 0, 2, 3), (2, 1, 0, 3), (1, 2, 0, 3), (2, 0, 1, 3), (0, 2, 1, 3)]),
)
def test_layout_contract(engine: Engine, program: Program, layout: str, order: tuple[int, ...]) -> None:
    """A new gradient has the leaf's strides where the leaf's elements fill a block of memory, in whatever order of axes, and
    row-major ones where they do not.
    """
    arrays = [constant_along_first(array) if layout == EXPANDED else array for array in program.arrays]
    expected = expected_for(engine, program, arrays)
    leaves = [
        _leaf(engine, array, layout, order) if each.requires_grad else engine.tensor(array)
        for array, each in zip(arrays, program.inputs, strict=True)
    ]
    pass_back(engine, program.run(engine, leaves), expected.cotangents)
    assert_gradients(engine, program, leaves, expected.gradients)
    for number in program.leaf_numbers:
        gradient, shape = engine.grad(leaves[number]), program.inputs[number].shape
        if gradient is not None:
            wanted, got = _strides_of_a_gradient(engine.strides(leaves[number]), shape), engine.strides(gradient)
            # The stride of an axis of length 1 means nothing.
            meant = tuple(one if length > 1 else own for one, own, length in zip(wanted, got, shape, strict=True))
            equal(f"the strides of the gradient of x{number}", got, meant)
