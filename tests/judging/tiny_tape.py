"""A tape engine of its own, as small as can be, and its adapter: something to judge that needs nothing but NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_conformance.engine import Engine

recording = True


class Tensor:
    """A value, its gradient, and how to pass a gradient on to its parents."""

    def __init__(
        self, value: Any, wants: bool = False, parents: Sequence[tuple[Tensor, Callable[..., Any]]] = ()
    ) -> None:
        self.value = np.array(value)
        self.grad: Any = None
        self.parents = [(parent, rule) for parent, rule in parents if parent.wants and recording]
        self.wants = wants or bool(self.parents)

    def back(self, gradient: Any) -> None:
        self.grad = gradient if self.grad is None else self.grad + gradient
        for parent, rule in self.parents:
            parent.back(rule(gradient))


def add(x: Tensor, y: Tensor) -> Tensor:
    return Tensor(x.value + y.value, parents=[(x, lambda g: g), (y, lambda g: g)])


def multiply(x: Tensor, y: Tensor) -> Tensor:
    return Tensor(x.value * y.value, parents=[(x, lambda g: g * y.value), (y, lambda g: g * x.value)])


def switch(enabled: bool) -> None:
    global recording
    recording = enabled


@contextmanager
def recording_set(enabled: bool) -> Iterator[None]:
    before = recording
    switch(enabled)
    try:
        yield
    finally:
        switch(before)


class TinyTape(Engine):
    """The adapter."""

    name = "tiny"
    version = "1"
    operators = {"add": add, "multiply": multiply}  # noqa: RUF012  the contract's own spelling

    def tensor(self, array: Any, *, requires_grad: bool = False) -> Tensor:
        return Tensor(array, requires_grad)

    def array(self, t: Tensor) -> Any:
        return t.value.copy()

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        for place, output in enumerate(outputs):
            output.back(np.ones_like(output.value) if cotangents is None else cotangents[place].value)

    def grad(self, t: Tensor) -> Any:
        return None if t.grad is None else Tensor(t.grad)

    def set_grad(self, t: Tensor, g: Tensor | None) -> None:
        t.grad = None if g is None else g.value

    def requires_grad(self, t: Tensor) -> bool:
        return t.wants

    def is_leaf(self, t: Tensor) -> bool:
        return not t.parents

    def detach(self, t: Tensor) -> Tensor:
        return Tensor(t.value)

    def no_grad(self) -> Any:
        return recording_set(False)


class Switched(TinyTape):
    """The adapter of an engine whose recording is switched by a call."""

    def set_grad_enabled(self, enabled: bool) -> None:
        switch(enabled)
