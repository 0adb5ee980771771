"""The backward pass.

A pass starts at one or several roots, each with a cotangent of its own shape, and goes through the recorded operations against
their order. Every leaf that a root depends on receives the sum, over the roots, of cotangent times Jacobian.
"""

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.judge import assume, equal
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradient,
    assert_gradients,
    assert_values,
    backward_pass,
    expected_of,
)
from autograd_conformance.programs.generate import diamonds, programs
from autograd_conformance.programs.layouts import EXPANDED, LAYOUTS, constant_along_first, laid_out
from autograd_conformance.programs.oracle import pull_back, roots_of
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.targeted import nested_roots, repeated_operands


@clause(
    "backward.diamond",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=diamonds,
)
def test_diamond(engine: Engine, program: Program) -> None:
    """A value used along several paths receives the sum of the contributions of all paths, at a cost that grows with
    the operations and not with the paths.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = backward_pass(engine, program, leaves, expected)
    assert_values(engine, roots, expected)
    assert_gradients(engine, program, leaves, expected.gradients)


@clause(
    "backward.same-operand-twice",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=repeated_operands(),
)
def test_same_operand_twice(engine: Engine, program: Program) -> None:
    """An operation that is given one tensor for several operands sends it the sum of the gradients of all of them."""
    assume(any(len(set(step.operands)) < len(step.operands) for step in program.steps))
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = backward_pass(engine, program, leaves, expected)
    assert_values(engine, roots, expected)
    assert_gradients(engine, program, leaves, expected.gradients)


@clause(
    "backward.vjp-linear",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=programs(passes=6, cotangents=True),
    factors=st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    layout=st.sampled_from(LAYOUTS),
)
def test_vjp_linear(engine: Engine, program: Program, factors: tuple[int, int], layout: str) -> None:
    """A pass from a root of any shape multiplies the cotangent given for it, of any memory layout, by the Jacobian, and
    so is linear in the cotangent.
    """
    duals = roots_of(program, engine.aliasing)
    shapes = [dual.value.shape for dual in duals]
    u, v = (replace(program, seed=program.seed + more).cotangent_arrays(shapes) for more in range(2))
    combined = [np.asarray(factors[0] * a + factors[1] * b, program.dtype) for a, b in zip(u, v, strict=True)]
    for cotangents in (u, v, combined):
        given = [constant_along_first(each) for each in cotangents] if layout == EXPANDED else cotangents
        leaves = program.leaves(engine)
        roots = program.run(engine, leaves)
        engine.backward(roots, [laid_out(engine, each, layout) for each in given])
        assert_gradients(engine, program, leaves, pull_back(program, duals, given).gradients)


def _nested_where_possible(engine: Engine) -> st.SearchStrategy[Program]:
    """A root inside receives more than its cotangent, which is where an engine may be tempted to add in place."""
    several = engine.several_roots and engine.accepts_cotangent
    return (nested_roots if several else programs)(passes=3)(engine)


@clause(
    "backward.returns-nothing",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    examples=200,
    program=_nested_where_possible,
    layout=st.sampled_from(LAYOUTS),
    times=st.integers(1, 3),
)
def test_returns_nothing(engine: Engine, program: Program, layout: str, times: int) -> None:
    """A pass changes no value: neither that of a tensor of the program, nor that of a cotangent it is given, also where that
    is given to several passes.
    """
    cotangents = expected_of(engine, program).cotangents
    given = [constant_along_first(each) for each in cotangents] if layout == EXPANDED else cotangents
    leaves = program.leaves(engine)
    passed = [laid_out(engine, each, layout) for each in given]
    for _ in range(times):
        tensors = program.execute(engine, leaves)
        before = [engine.array(tensor) for tensor in tensors]
        roots = [tensors[number] for number in program.roots]
        engine.backward(roots, passed if engine.accepts_cotangent else None)
        for number, (tensor, array) in enumerate(zip(tensors, before, strict=True)):
            equal(f"the value of {program.label(number)} after the pass", engine.array(tensor), array)
        for place, (cotangent, array) in enumerate(zip(passed, given, strict=True)):
            equal(f"cotangent {place} after the pass", engine.array(cotangent), array)


@clause(
    "backward.unreached-leaf",
    level=CORE,
    needs=(TAPE,),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=2),
    earlier=st.integers(0, 2),
    times=st.integers(1, 3),
    uses=st.integers(0, 2),
)
def test_unreached_leaf(engine: Engine, program: Program, earlier: int, times: int, uses: int) -> None:
    """A leaf that no root depends on is left alone by the pass, whatever else was computed from it: its gradient stays
    absent, or what it was.
    """
    expected = expected_of(engine, program)
    apart = engine.tensor(program.arrays[0], requires_grad=True)
    for _ in range(earlier):
        backward_pass(engine, program, [apart, *program.leaves(engine)[1:]], expected)
    before = None if (stored := engine.grad(apart)) is None else engine.array(stored)
    for _ in range(times):
        leaves = program.leaves(engine)
        used = [_product(engine, apart, leaves[0]) for _ in range(uses)]
        roots = backward_pass(engine, program, leaves, expected)
        assert_values(engine, roots, expected)
        assert_gradients(engine, program, leaves, expected.gradients)
        after = engine.grad(apart)
        if before is None:
            assert_gradient(engine, "the gradient of a leaf apart", after, np.zeros_like(program.arrays[0]))
        else:
            equal("the gradient of a leaf apart", None if after is None else engine.array(after), before)
        del used


def _product(engine: Engine, x: Any, y: Any) -> Any:
    return engine.apply("multiply" if "multiply" in engine.operators else "add", x, y)
