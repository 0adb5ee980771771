"""Gradient modes.

Recording can be switched off and on again: in a block, while a decorated function runs, and by a plain call. What is computed
while it is off has a value and no history.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import ENABLE_GRAD, GRAD_DECORATOR, GRAD_SWITCH, GRAD_VALUE, NO_GRAD, TAPE, Engine
from autograd_conformance.judge import equal, may_refuse
from autograd_conformance.programs.comparing import pass_back

Scope: TypeAlias = tuple[str, str, tuple[Any, ...]]
"""What switches the mode, by what exception its block is left (or none), and the scopes inside."""


class Leave(Exception):
    """Leaves a block."""


class Interrupt(BaseException):
    """Leaves a block as an interrupt from the keyboard does: it is no `Exception`."""


LEFT_BY: dict[str, type[BaseException]] = {"error": Leave, "interrupt": Interrupt, "generator exit": GeneratorExit}
REFUSED = "refused operation"
ENDS = ("", "", *LEFT_BY, REFUSED)


def _scopes(engine: Engine) -> st.SearchStrategy[tuple[Scope, ...]]:
    kinds = ["no_grad"]
    kinds += ["enable_grad"] if engine.has(ENABLE_GRAD) else []
    kinds += ["decorator"] if engine.has(GRAD_DECORATOR) else []
    kinds += ["switch off", "switch on"] if engine.has(GRAD_SWITCH) else []
    kinds += ["block off", "block on", "decorator off", "decorator on"] if engine.has(GRAD_VALUE) else []
    return _scopes_of(kinds)


def _blocks(engine: Engine) -> st.SearchStrategy[tuple[Scope, ...]]:
    return _scopes_of(["no_grad", "enable_grad"] if engine.has(ENABLE_GRAD) else ["no_grad"])


def _scopes_of(kinds: list[str]) -> st.SearchStrategy[tuple[Scope, ...]]:
    leaf = st.tuples(st.sampled_from(kinds), st.sampled_from(ENDS), st.just(()))
    return st.lists(st.recursive(leaf, lambda inner: _scope(kinds, inner), max_leaves=6), min_size=1, max_size=2).map(
        tuple
    )


def _scope(kinds: list[str], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(kinds), st.sampled_from(ENDS), st.lists(inner, max_size=3).map(tuple))


@clause(
    "mode.restores",
    level=CORE,
    needs=(TAPE, NO_GRAD, "add", "multiply"),
    after="op.exact-program",
    examples=300,
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


@clause(
    "mode.instance-reentry",
    level=FULL,
    needs=(TAPE, NO_GRAD, "add", "multiply"),
    after="mode.restores",
    scopes=_blocks,
)
def test_instance_reentry(engine: Engine, scopes: tuple[Scope, ...]) -> None:
    """To enter one and the same block again, after it was left or while it is still entered, is refused, or each exit restores
    the mode that was in force on the entry that belongs to it.
    """
    walk = SameBlocks(engine)
    with may_refuse(_enters_again(scopes), "blocks each of which is entered once"):
        walk.through(scopes, True)
        walk.check_gradient()
    walk.probe(True)


def _enters_again(scopes: tuple[Scope, ...]) -> bool:
    entered = list(_kinds(scopes))
    return len(entered) > len(set(entered))


def _kinds(scopes: tuple[Scope, ...]) -> Iterator[str]:
    for kind, _, inside in scopes:
        yield kind
        yield from _kinds(inside)


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
        for kind, end, inside in scopes:
            if kind.startswith("switch"):
                mode = kind == "switch on"
                self.engine.set_grad_enabled(mode)
                self.probe(mode)
                mode = self.through(inside, mode)
            else:
                self._within(kind, end, inside)
            self.probe(mode)
        return mode

    def _within(self, kind: str, end: str, inside: tuple[Scope, ...]) -> None:
        def body() -> None:
            mode = kind.endswith("on") or kind == "enable_grad"
            self.probe(mode)
            self.probe(self.through(inside, mode))
            if end in LEFT_BY:
                raise LEFT_BY[end]
            if end == REFUSED:
                self._refused()

        with _left_by(end):
            if kind.startswith("decorator"):
                self._decorated(kind, body)()
            else:
                with self._block(kind):
                    body()

    def _decorated(self, kind: str, body: Callable[[], None]) -> Callable[[], None]:
        if kind == "decorator":
            return self.engine.no_grad_function(body)
        return self.engine.grad_mode_function(body, kind.endswith("on"))

    def _block(self, kind: str) -> AbstractContextManager[Any]:
        if kind.startswith("block"):
            return self.engine.grad_mode(kind.endswith("on"))
        return self.engine.enable_grad() if kind == "enable_grad" else self.engine.no_grad()

    def _refused(self) -> None:
        """An operation that the engine refuses as a rule: the exception is its own."""
        if self.engine.max_ndim and self.engine.shapes is None:
            sides = [self.engine.tensor(np.ones(length, self.dtype)) for length in (2, 3)]
            self.engine.array(self.engine.apply("add", *sides))


class SameBlocks(Walk):
    """Enters the same two blocks wherever it goes."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.blocks: dict[str, AbstractContextManager[Any]] = {}

    def _block(self, kind: str) -> AbstractContextManager[Any]:
        if kind not in self.blocks:
            self.blocks[kind] = super()._block(kind)
        return self.blocks[kind]


@contextmanager
def _left_by(end: str) -> Iterator[None]:
    """Goes on after the exception that a block is left by, and after no other."""
    try:
        with may_refuse(end == REFUSED, "what is computed in a block"):
            yield
    except tuple(LEFT_BY[end] for end in [end] if end in LEFT_BY):
        pass
