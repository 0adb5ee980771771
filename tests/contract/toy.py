"""An engine that can do nothing but be asked: its tensors are NumPy arrays, and its tape is a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from autograd_conformance.engine import Engine
from autograd_conformance.spelling import Spelling, template

scale = 10
calls: list[tuple[Any, ...]] = []


def explode(*arguments: Any) -> Any:
    """What the engine does when it goes wrong inside."""
    raise ZeroDivisionError("inside the engine")


class Toy(Engine):
    """Some operators as templates, one as a function."""

    name = "toy"
    operators: ClassVar[Mapping[str, Spelling]] = {
        "add": "(x + y) * scale",
        "negative": "explode(x)",
        "multiply": lambda x, y: explode(x, y),
        "permute_dims": "x.transpose(axes)",
        "concat": "np.concatenate(xs, axis)",
        "add_": "x += y",
        "setitem_": "x[key] = y",
    }
    tensor = template("(array.copy(), device, requires_grad)")
    array = template("np.array(t)")


class Tape(Toy):
    """All verbs of a tape; each notes that it was called."""

    backward = template("calls.append(('backward', outputs, cotangents))")
    grad = template("(t, 'grad')")
    requires_grad = template("True")
    is_leaf = template("False")
    detach = template("t")


class Functional(Engine):
    """No tape; a method that hands control back to the suite."""

    operators: ClassVar[Mapping[str, Spelling]] = {"add": "x + y"}

    def vjp(
        self, function: Callable[..., Sequence[Any]], primals: Sequence[Any], cotangents: Sequence[Any]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        return function(*primals), [np.zeros(()) for _ in primals]

    def array(self, t: Any) -> Any:
        return explode(t)
