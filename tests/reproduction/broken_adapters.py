"""Adapters over a small engine of scalars, each broken in one way; and engines that are wrong behind a sound adapter."""

# ruff: noqa: RUF012, SIM105  spellings are data on the class; what they should not do is done on purpose
from typing import Any

import numpy as np
from micrograd.engine import Value
from scalars import Scalars

from autograd_conformance.spelling import template

TAPE: list[Any] = []


class Nameless(Scalars):
    name = ""


class UnknownDtype(Scalars):
    dtypes = ("float33",)


class AliasingWhatIsNot(Scalars):
    aliasing = frozenset({"reshape"})


class AliasingAnOperatorThatIsNoView(Scalars):
    aliasing = frozenset({"add"})


class MissingName(Scalars):
    detach = template("Valeu(t.data)")


class WrongParameters(Scalars):
    operators = {**Scalars.operators, "sum": lambda x, dims: x}


class Catches(Scalars):
    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        try:
            outputs[0].backward()
        except RecursionError:
            pass


class CatchesInAHelper(Scalars):
    operators = {**Scalars.operators, "add": lambda x, y: patient_sum(x, y)}


def patient_sum(x: Any, y: Any) -> Any:
    try:
        return x + y
    except TypeError:
        return x


class Retries(Scalars):
    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        while outputs[0].grad == 0:
            outputs[0].backward()


class Remembers(Scalars):
    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        self.root = outputs[0]
        self.root.backward()


class RemembersInAModule(Scalars):
    def tensor(self, array: Any, *, requires_grad: bool = False) -> Any:
        made = Value(float(array))
        TAPE.append(made)
        return made


class RemembersInADefault(Scalars):
    def tensor(self, array: Any, *, requires_grad: bool = False, made: list[Any] = []) -> Any:  # noqa: B006
        made.append(Value(float(array)))
        return made[-1]


class Interferes(Scalars):
    def apply(self, operator: str, *tensors: Any, **params: Any) -> Any:
        return super().apply(operator, *tensors, **params)


class Repairs(Scalars):
    grad = template("Value(0.0) if t.grad is None else t.grad")


class ChangesDtype(Scalars):
    array = template("np.array(t.data if isinstance(t, Value) else t, dtype=np.float32)")


class ChangesShape(Scalars):
    array = template("np.array([t.data if isinstance(t, Value) else t], dtype=np.float64)")


class Shares(Scalars):
    tensor = template("Value(array)")
    array = template("t.data if isinstance(t, Value) else np.array(t, dtype=np.float64)")


class WrongOperator(Scalars):
    operators = {**Scalars.operators, "subtract": "x + y"}


class MisspelledCall(Scalars):
    operators = {**Scalars.operators, "negative": "x.negated()"}


class GradientNowhere(Scalars):
    grad = template("None")


class NotABlock(Scalars):
    no_grad = template("None")


class SpeaksOfItself(Scalars):
    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        run(self, outputs[0])


def run(adapter: Any, root: Any) -> None:
    root.backward()


class Untrue(Value):
    """An engine that multiplies right and differentiates wrong."""

    def backward(self) -> None:
        super().backward()
        for each in self._prev:
            each.grad = 2 * np.abs(each.grad)

    def __mul__(self, other: Any) -> Any:
        made = super().__mul__(other)
        made.__class__ = Untrue
        return made


class EngineWrong(Scalars):
    tensor = template("Untrue(float(array))")


class Raising(Value):
    """An engine that raises when it is differentiated."""

    def __mul__(self, other: Any) -> Any:
        made = super().__mul__(other)
        made.__class__ = Raising
        return made

    def backward(self) -> None:
        raise RuntimeError("no gradients today")


class EngineRaises(Scalars):
    tensor = template("Raising(float(array))")
