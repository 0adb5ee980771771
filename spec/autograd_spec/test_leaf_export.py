"""Tensors that leave the engine: as arrays of the host, and as bytes."""

from functools import partial

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import EXTENSION, FULL, clause
from autograd_conformance.engine import HOST_ARRAY, PICKLING, SET_GRAD, TAPE, WRITE, Engine
from autograd_conformance.judge import equal, refuses
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    backward_pass,
    expected_of,
    multiplied,
    pass_back,
)
from autograd_conformance.programs.generate import numbered, programs, shapes
from autograd_conformance.programs.layouts import EXPANDED, LAYOUTS, laid_out
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.overwriting import overwrite, require_overwriting
from autograd_conformance.programs.palette import Shape
from autograd_conformance.programs.program import Program


@clause(
    "leaf.host-array-export",
    level=FULL,
    needs=(TAPE, HOST_ARRAY),
    after="leaf.propagation",
    choices=(ABSENT_ZEROS,),
    program=programs(detach=True),
)
def test_host_array_export(engine: Engine, program: Program) -> None:
    """The memory of a tensor that requires gradients is not lent as an array; that is refused, and changes nothing.  That of
    any other tensor is.
    """
    duals = Oracle(engine.aliasing).run(program)
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    tensors = program.execute(engine, leaves)
    for number, (tensor, dual) in enumerate(zip(tensors, duals, strict=True)):
        if dual.history.requires:
            refuses(f"lending the memory of {program.label(number)}", partial(engine.shared_array, tensor))
            tensor = engine.detach(tensor)
        value = dual.value.astype(program.dtype)
        equal(f"the array over {program.label(number)}", engine.read_array(engine.shared_array(tensor)), value)
    pass_back(engine, [tensors[root] for root in program.roots], expected.cotangents)
    assert_gradients(engine, program, leaves, expected.gradients)


def _overwritable_layouts(engine: Engine) -> st.SearchStrategy[str]:
    require_overwriting(engine)
    return st.sampled_from([layout for layout in LAYOUTS if layout != EXPANDED])


@clause(
    "leaf.host-array-shares",
    level=FULL,
    needs=(TAPE, HOST_ARRAY, WRITE),
    after="leaf.host-array-export",
    shape=shapes,
    layout=_overwritable_layouts,
    wanting=st.booleans(),
    forth=st.booleans(),
)
def test_host_array_shares(engine: Engine, shape: Shape, layout: str, wanting: bool, forth: bool) -> None:
    """An array that was lent lies over the memory of the tensor, or of what it was detached from: a write through either is
    seen through the other.
    """
    value = numbered(shape, engine.dtypes[0])
    t = engine.tensor(value, requires_grad=True) if wanting else laid_out(engine, value, layout)
    detached = engine.detach(t)
    lent = engine.shared_array(detached)
    if forth:
        other = np.asarray(value + 5, value.dtype)
        engine.write_array(lent, other)
        equal("a tensor whose array was written", engine.array(t), other)
    else:
        overwrite(engine, detached, 7)
        other = engine.array(detached)
        equal("the array over a tensor that was written", engine.read_array(lent), other)


@clause(
    "leaf.pickle",
    level=EXTENSION,
    needs=(TAPE, PICKLING),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(),
    used=st.booleans(),
)
def test_pickle(engine: Engine, program: Program, used: bool) -> None:
    """A leaf that is written to bytes and read from them, unused or used, is another leaf with the same values and flag."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    if used:
        backward_pass(engine, program, leaves, expected)
    copies = [engine.pickled(leaf) for leaf in leaves]
    for number, (copy, array) in enumerate(zip(copies, program.arrays, strict=True)):
        equal(f"the value of the copy of x{number}", engine.array(copy), array)
        wants = program.inputs[number].requires_grad
        equal(f"whether the copy of x{number} requires gradients", engine.requires_grad(copy), wants)
        equal(f"whether the copy of x{number} is a leaf", engine.is_leaf(copy), True)
        if used and engine.has(SET_GRAD):  # whether the gradient goes along is the engine's affair
            engine.set_grad(copy, None)
    assert_gradients(engine, program, leaves, multiplied(int(used), expected.gradients))
    if engine.has(SET_GRAD) or not used:
        backward_pass(engine, program, copies, expected)
        assert_gradients(engine, program, copies, expected.gradients)
        assert_gradients(engine, program, leaves, multiplied(int(used), expected.gradients))
