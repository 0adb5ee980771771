"""Installs the functions as methods and operators of `Tensor`: the one place where names are tied to functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import arithmetic, creation, geometry, indexing, inplace, retain, rules, shaping
from .autograd import backward_method
from .definition import Operator
from .graph import apply
from .tensor import Tensor

METHODS: dict[Any, str] = {
    arithmetic: "add sub mul div neg pow exp log tanh relu clone contiguous to cpu sum mean matmul bitwise_not argmax",
    shaping: "reshape view flatten permute transpose t unsqueeze squeeze expand expand_as select narrow diagonal "
    "as_strided unbind split sum_to_size",
    indexing: "index_select gather take_along_dim index_add scatter_add",
    inplace: "add_ sub_ mul_ div_ neg_ pow_ exp_ tanh_ relu_ copy_ fill_ zero_ masked_fill_ index_copy_",
    geometry: "transpose_ t_ unsqueeze_ squeeze_",
    creation: "new_zeros new_ones",
}
for module, names in METHODS.items():
    for name in names.split():
        setattr(Tensor, name, getattr(module, name))

OPERANDS = (Tensor, int, float, complex, np.number, np.bool_)


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
    "__iadd__": guarded(inplace.add_),
    "__isub__": guarded(inplace.sub_),
    "__imul__": guarded(inplace.mul_),
    "__itruediv__": guarded(inplace.div_),
    "__ipow__": guarded(inplace.pow_),
    "__pow__": guarded(arithmetic.pow),
    "__matmul__": guarded(arithmetic.matmul),
    "__invert__": arithmetic.bitwise_not,
    "__neg__": arithmetic.neg,
    "__iter__": iterate,
    "__getitem__": indexing.getitem,
    "__setitem__": indexing.setitem,
}
for name, member in OTHERS.items():
    setattr(Tensor, name, member)
