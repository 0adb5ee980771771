"""The roots of a backward pass."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.judge import assume, equal, may_refuse
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradient,
    assert_gradients,
    assert_values,
    backward_pass,
    expected_of,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.layouts import EXPANDED, LAYOUTS, laid_out
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.targeted import nested_roots


@clause(
    "backward.implicit-one",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(unit_cotangent=True),
    axes=st.integers(0, 3),
)
def test_implicit_one(engine: Engine, program: Program, axes: int) -> None:
    """A pass without a cotangent from a root of one element starts with one; where the root has axes, of length 1, it may
    be refused.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    root = program.run(engine, leaves)[0]
    for _ in range(min(axes, engine.max_ndim) if "expand_dims" in engine.operators else 0):
        root = engine.apply("expand_dims", root, axis=0)
    with may_refuse(engine.array(root).ndim > 0, "a pass without a cotangent from a root of one element"):
        engine.backward([root])
        assert_gradients(engine, program, leaves, expected.gradients)


@clause(
    "backward.multiple-roots",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=150,
    program=programs(passes=2, several_roots=True),
    repeated=st.booleans(),
)
def test_multiple_roots(engine: Engine, program: Program, repeated: bool) -> None:
    """A pass over several roots accumulates the sum of their gradients, and a root listed twice counts twice."""
    program = replace(program, roots=program.roots + program.roots[:repeated])
    assume(len(program.roots) > 1)
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    backward_pass(engine, program, leaves, expected)
    assert_gradients(engine, program, leaves, expected.gradients)


@clause(
    "backward.dependent-roots",
    level=CORE,
    needs=(TAPE,),
    after="backward.multiple-roots",
    choices=(ABSENT_ZEROS,),
    program=nested_roots(),
)
def test_dependent_roots(engine: Engine, program: Program) -> None:
    """Roots may depend on each other, or be leaves: what flows on from a root is its own cotangent and what reaches it from
    others, together.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = backward_pass(engine, program, leaves, expected)
    assert_values(engine, roots, expected)
    assert_gradients(engine, program, leaves, expected.gradients)


def _shapes(engine: Engine) -> st.SearchStrategy[tuple[int, ...]]:
    if not engine.accepts_cotangent:
        return st.just(())
    if engine.shapes is not None:
        return st.sampled_from(engine.shapes)
    return st.lists(st.integers(0, 3), max_size=min(3, engine.max_ndim)).map(tuple)


@clause(
    "backward.root-leaf",
    level=CORE,
    needs=(TAPE,),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    shape=_shapes,
    layout=st.sampled_from(LAYOUTS),
    times=st.integers(1, 3),
)
def test_root_leaf(engine: Engine, shape: tuple[int, ...], layout: str, times: int) -> None:
    """A leaf may be its own root: its gradient grows by the cotangent and has memory of its own, so that neither follows
    when the other is written.
    """
    ones = np.ones(shape, engine.dtypes[0])
    leaf = engine.tensor(ones, requires_grad=True)
    if not engine.accepts_cotangent:
        engine.backward([leaf])
        return assert_gradient(engine, "the gradient of a root", engine.grad(leaf), ones)
    given = ones if layout == EXPANDED else np.cumsum(ones).reshape(shape).astype(ones.dtype)
    cotangents = []
    for count in range(1, times + 1):
        cotangents.append(laid_out(engine, given, layout))
        engine.backward([leaf], cotangents[-1:])
        assert_gradient(engine, "the gradient of a root", engine.grad(leaf), np.asarray(count * given))
        for cotangent in cotangents:
            equal("a cotangent after the pass", engine.array(cotangent), given)
    for cotangent in cotangents if "multiply_" in engine.operators and layout != EXPANDED else ():
        engine.apply("multiply_", cotangent, engine.tensor(np.full_like(ones, 5)))
    assert_gradient(engine, "the gradient after cotangents were written", engine.grad(leaf), np.asarray(times * given))
