"""Backward passes through deep graphs."""

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.judge import Unsupported, equal
from autograd_conformance.programs.comparing import pass_back

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
