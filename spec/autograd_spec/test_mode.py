"""Gradient modes.

Recording can be switched off and on again: in a block, while a decorated function runs, and by a plain call. What is computed
while it is off has a value and no history.
"""

from contextlib import suppress
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import ENABLE_GRAD, GRAD_DECORATOR, GRAD_SWITCH, NO_GRAD, TAPE, Engine
from autograd_conformance.judge import equal
from autograd_conformance.programs.comparing import pass_back

Scope: TypeAlias = tuple[str, bool, tuple[Any, ...]]
"""What switches the mode, whether its block is left by an exception, and the scopes inside."""


class Leave(Exception):
    """Leaves a block."""


def _scopes(engine: Engine) -> st.SearchStrategy[tuple[Scope, ...]]:
    kinds = ["no_grad"]
    kinds += ["enable_grad"] if engine.has(ENABLE_GRAD) else []
    kinds += ["decorator"] if engine.has(GRAD_DECORATOR) else []
    kinds += ["switch off", "switch on"] if engine.has(GRAD_SWITCH) else []
    leaf = st.tuples(st.sampled_from(kinds), st.booleans(), st.just(()))
    return st.recursive(leaf, lambda inner: _scope(kinds, inner), max_leaves=6).map(lambda scope: (scope,))


def _scope(kinds: list[str], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(kinds), st.booleans(), st.lists(inner, max_size=3).map(tuple))


@clause(
    "mode.restores",
    level=CORE,
    needs=(TAPE, NO_GRAD, "add", "multiply"),
    after="op.exact-program",
    examples=200,
    scopes=_scopes,
)
def test_restores(engine: Engine, scopes: tuple[Scope, ...]) -> None:
    """While recording is off, by a block, a decorator or a call, no gradient flows back through what is computed; leaving
    a scope restores the mode that was in force on entry, also when it is left by an exception; a call lasts until the
    next or to the end of the scope around it.
    """
    walk = Walk(engine)
    walk.probe(True)
    mode = walk.through(scopes, True)
    if not mode:
        engine.set_grad_enabled(True)
    walk.probe(True)
    walk.check_gradient()


class Walk:
    """Goes through nested scopes, probes the mode at every turn, and keeps what must have been recorded."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dtype = engine.dtypes[0]
        self.leaf = engine.tensor(np.array(3, self.dtype), requires_grad=True)
        self.made: list[Any] = []
        self.recorded = 0

    def probe(self, recording: bool) -> None:
        """A product of the leaf is a leaf itself exactly when recording is off; its value is right in any mode."""
        made = self.engine.apply("multiply", self.leaf, self.leaf)
        equal("the value of a product", self.engine.array(made), np.array(9, self.dtype))
        equal("whether a result is a leaf", self.engine.is_leaf(made), not recording)
        self.made.append(made)
        self.recorded += recording

    def check_gradient(self) -> None:
        """Of all products, now summed up, those that were recorded contribute: each the derivative of x * x at 3."""
        total = self.made[0]
        for made in self.made[1:]:
            total = self.engine.apply("add", total, made)
        pass_back(self.engine, [total], [np.array(1, self.dtype)])
        expected = np.array(6 * self.recorded, self.dtype)
        equal("the gradient of the leaf", self.engine.array(self.engine.grad(self.leaf)), expected)

    def through(self, scopes: tuple[Scope, ...], mode: bool) -> bool:
        """All scopes one after the other; the mode that is then in force."""
        for kind, by_exception, inside in scopes:
            if kind.startswith("switch"):
                mode = kind == "switch on"
                self.engine.set_grad_enabled(mode)
                self.probe(mode)
                mode = self.through(inside, mode)
            else:
                self._within(kind, by_exception, inside)
            self.probe(mode)
        return mode

    def _within(self, kind: str, by_exception: bool, inside: tuple[Scope, ...]) -> None:
        def body() -> None:
            mode = kind == "enable_grad"
            self.probe(mode)
            self.probe(self.through(inside, mode))
            if by_exception:
                raise Leave

        with suppress(Leave):
            if kind == "decorator":
                self.engine.no_grad_function(body)()
            else:
                with self.engine.enable_grad() if kind == "enable_grad" else self.engine.no_grad():
                    body()
