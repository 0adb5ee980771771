"""Ties names to functions: the public ones, the methods of `Tensor`, and the methods that write in place.

A function is a method, too, if torch has a method of its name; and an operator of the tables writes in place under the
name with an underscore, if torch has that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from . import arithmetic, creation, geometry, indexing, inplace, retain, rules, shaping  # noqa: F401 they mark functions
from .autograd import backward_method
from .definition import FUNCTIONS, PUBLIC, Operator, function_of, rearranged
from .graph import apply
from .tensor import Tensor

OPERANDS = (Tensor, int, float, complex, np.number, np.bool_)


def publish(name: str, function: Callable[..., Any], description: str = "") -> None:
    """Make a function known under a name; what a table made has neither name nor description yet."""
    if description:
        function.__name__ = function.__qualname__ = name
        function.__doc__ = description
    FUNCTIONS[name] = function
    if hasattr(torch.Tensor, name):
        setattr(Tensor, name, function)


def publish_operator(name: str, operator: Operator) -> None:
    """Make an operator known as function, method and write, unless there is a function that does more."""
    parameters = "".join(f"{each}, " for each in operator.parameters)
    operands = "".join(f"{each}, " for each in operator.operands)
    call = f"apply(operator, ({operands}), ({parameters}))"
    if name not in FUNCTIONS:
        publish(name, function_of(operator, call, apply=apply, operator=operator), f"torch.{name}, recorded.")
    if (kernel := getattr(torch.Tensor, f"{name}_", None)) is not None and f"{name}_" not in FUNCTIONS:
        target, others = operator.operands[0], operands.partition(" ")[2]
        call = f"write(operator, kernel, {target}, ({others}), ({parameters}))"
        names = {"write": inplace.write, "operator": operator, "kernel": rearranged(operator, kernel)}
        publish(f"{name}_", function_of(operator, call, **names), f"torch.Tensor.{name}_, recorded.")


def operator_method(operator: Operator) -> Callable[[Tensor, Any], Any]:
    """A binary operator, which leaves operands that it does not know to the other class."""

    def method(x: Tensor, y: Any) -> Any:
        return apply(operator, (x, y)) if isinstance(y, OPERANDS) else NotImplemented

    return method


def reflected(operator: Operator) -> Callable[[Tensor, Any], Any]:
    """The same for `number - tensor`."""

    def method(y: Tensor, x: Any) -> Any:
        return apply(operator, (x, y)) if isinstance(x, OPERANDS) else NotImplemented

    return method


def guarded(function: Callable[[Tensor, Any], Any]) -> Callable[[Tensor, Any], Any]:
    """An operator that is more than the application of one operator of the tables."""

    def method(x: Tensor, y: Any) -> Any:
        return function(x, y) if isinstance(y, OPERANDS) else NotImplemented

    return method


def iterate(x: Tensor) -> Iterator[Tensor]:
    """The positions of the first dimension."""
    return (x[k] for k in range(len(x)))


for name, operator in PUBLIC.items():
    publish_operator(name, operator)
for name, function in list(FUNCTIONS.items()):
    publish(name, function)
for name, operator in {"add": rules.ADD, "sub": rules.SUB, "mul": rules.MUL, "truediv": rules.DIV}.items():
    setattr(Tensor, f"__{name}__", operator_method(operator))
    setattr(Tensor, f"__r{name}__", reflected(operator))
for name, operator in rules.COMPARISONS.items():
    setattr(Tensor, f"__{name.strip('_')}__", operator_method(operator))

OTHERS: dict[str, Any] = {
    "backward": backward_method,
    "retain_grad": retain.retain_grad,
    "retains_grad": property(retain.retains_grad),
    "where": arithmetic.where_method,
    "T": property(lambda x: shaping.permute(x, *reversed(range(x.ndim)))),
    "mT": property(lambda x: shaping.transpose(x, -2, -1)),
    "new_zeros": creation.new_zeros,
    "new_ones": creation.new_ones,
    **{f"__i{name}__": guarded(FUNCTIONS[f"{name}_"]) for name in ("add", "sub", "mul", "pow")},
    "__itruediv__": guarded(FUNCTIONS["div_"]),
    "__pow__": guarded(FUNCTIONS["pow"]),
    "__matmul__": guarded(arithmetic.matmul),
    "__invert__": FUNCTIONS["bitwise_not"],
    "__neg__": FUNCTIONS["neg"],
    "__iter__": iterate,
    "__getitem__": indexing.getitem,
    "__setitem__": indexing.setitem,
}
for name, member in OTHERS.items():
    setattr(Tensor, name, member)
