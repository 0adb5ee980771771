"""The backward pass.

A pass starts at one or several roots, each with a cotangent of its own shape, and goes through the recorded operations against
their order. Every leaf that a root depends on receives the sum, over the roots, of cotangent times Jacobian.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, Array, Engine
from autograd_conformance.judge import Unsupported, assume, equal
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    assert_values,
    backward_pass,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.generate import diamonds, programs
from autograd_conformance.programs.oracle import pull_back, roots_of
from autograd_conformance.programs.program import Program


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
    "backward.vjp-linear",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=6, cotangents=True),
    factors=st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    expanded=st.booleans(),
)
def test_vjp_linear(engine: Engine, program: Program, factors: tuple[int, int], expanded: bool) -> None:
    """A pass from a root of any shape multiplies the cotangent given for it, of any memory layout, by the Jacobian, and
    so is linear in the cotangent.
    """
    duals = roots_of(program, engine.aliasing)
    shapes = [dual.value.shape for dual in duals]
    u, v = (replace(program, seed=program.seed + more).cotangent_arrays(shapes) for more in range(2))
    combined = [np.asarray(factors[0] * a + factors[1] * b, program.dtype) for a, b in zip(u, v, strict=True)]
    for cotangents in (u, v, combined):
        given = [np.full_like(each, each.flat[0]) for each in cotangents] if expanded else cotangents
        leaves = program.leaves(engine)
        roots = program.run(engine, leaves)
        engine.backward(roots, [_cotangent(engine, each, expanded) for each in given])
        assert_gradients(engine, program, leaves, pull_back(program, duals, given).gradients)


def _cotangent(engine: Engine, array: Array, expanded: bool) -> Any:
    """A tensor of `array`; where asked for and possible, one whose elements all lie in one place."""
    if expanded and "broadcast_to" in engine.operators:
        return engine.apply("broadcast_to", engine.tensor(array.reshape(-1)[:1].reshape(())), shape=array.shape)
    return engine.tensor(array)


@clause(
    "backward.multiple-roots",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
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


DEPTHS = (1_000, 10_000, 100_000)


def _chain_of_sums(engine: Engine, x: Any, depth: int) -> tuple[Any, int]:
    t = x
    for _ in range(depth):
        t = engine.apply("add", t, x)
    return t, depth + 1


def _chain_of_products(engine: Engine, x: Any, depth: int) -> tuple[Any, int]:
    t, minus_one = x, engine.tensor(-np.ones_like(engine.array(x)))
    for _ in range(depth):
        t = engine.apply("multiply", t, minus_one)
    return t, (-1) ** depth


def _chain_of_views(engine: Engine, x: Any, depth: int) -> tuple[Any, int]:
    t = x
    for count in range(depth):
        t = engine.apply("reshape", t, shape=((2, 1), (2,))[count % 2])
    return engine.apply("reshape", t, shape=(2,)), 1


CHAINS: dict[str, Callable[[Engine, Any, int], tuple[Any, int]]] = {
    "add": _chain_of_sums,
    "multiply": _chain_of_products,
    "reshape": _chain_of_views,
}


def _links(engine: Engine) -> st.SearchStrategy[str]:
    known = [name for name in CHAINS if name in engine.operators]
    if not known:
        raise Unsupported(f"one of the operators {', '.join(CHAINS)}")
    return st.sampled_from(known)


def _depths(engine: Engine) -> st.SearchStrategy[int]:
    return st.sampled_from(sorted({min(depth, engine.max_nodes or depth) for depth in DEPTHS}))


@clause(
    "backward.deep-chain", level=CORE, needs=(TAPE,), after="op.exact-program", examples=9, link=_links, depth=_depths
)
def test_deep_chain(engine: Engine, link: str, depth: int) -> None:
    """The depth of a graph is limited by memory only: building, differentiating and freeing a chain of a hundred
    thousand operations does not exhaust the stack.
    """
    dtype = engine.dtypes[0]
    value = np.array([1, 2], dtype) if engine.accepts_cotangent else np.array(2, dtype)
    x = engine.tensor(value, requires_grad=True)
    root, factor = CHAINS[link](engine, x, depth)
    cotangent = np.array([3, -2], dtype) if engine.accepts_cotangent else np.array(1, dtype)
    pass_back(engine, [root], [cotangent])
    equal("the gradient of the first leaf", engine.array(engine.grad(x)), np.asarray(factor * cotangent))
    del root  # frees the chain, here and not in the next example
