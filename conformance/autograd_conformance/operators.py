"""The operators that programs are made of: names, parameters, and what the suite must know of each.

Names are those of the Python array API standard where it has one, PyTorch's otherwise; write operators end in `_`.
What an operator *computes* is said in `oracle.py`, as NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["function", "view", "write"]
"""What the result is: memory of its own, memory of the operand, or nothing (the first operand is changed)."""


@dataclass(frozen=True)
class Operator:
    """Tensor operands (`*xs`: any number), then keyword parameters, in the order in which a template may name them."""

    name: str
    tensors: tuple[str, ...]
    params: tuple[str, ...]
    kind: Kind
    value_dependent: bool
    """Its derivative needs the values of its operands, so an engine may have saved them."""
    meaning: str

    @property
    def parameters(self) -> tuple[str, ...]:
        return self.tensors + self.params


def _operator(signature: str, kind: Kind, meaning: str, *, value_dependent: bool = False) -> Operator:
    name, _, rest = signature.partition("(")
    tensors, _, params = rest.rstrip(")").partition(";")
    return Operator(name, _names(tensors), _names(params), kind, value_dependent, meaning)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _table(*operators: Operator) -> Mapping[str, Operator]:
    return {operator.name: operator for operator in operators}


STEPS = _table(
    _operator("add(x, y)", "function", "x + y, broadcast"),
    _operator("subtract(x, y)", "function", "x - y, broadcast"),
    _operator("negative(x)", "function", "-x"),
    _operator("multiply(x, y)", "function", "x * y, broadcast", value_dependent=True),
    _operator("matmul(x, y)", "function", "matrix product over the last two axes", value_dependent=True),
    _operator("sum(x; axis, keepdims)", "function", "sum over a tuple of axes; () sums nothing"),
    _operator("take(x; indices, axis)", "function", "the listed entries along one axis, repeats allowed, copied"),
    _operator("concat(*xs; axis)", "function", "tensors joined along an axis that exists"),
    _operator("stack(*xs; axis)", "function", "tensors of one shape joined along a new axis"),
    _operator("clone(x)", "function", "a copy in memory of its own"),
    _operator("reshape(x; shape)", "view", "same elements in row-major order; a view where strides allow"),
    _operator("permute_dims(x; axes)", "view", "axes in another order"),
    _operator("expand_dims(x; axis)", "view", "a new axis of length 1"),
    _operator("squeeze(x; axis)", "view", "one axis of length 1 removed"),
    _operator("broadcast_to(x; shape)", "view", "expanded to a larger shape without copying"),
    _operator("select(x; key)", "view", "x[key], one entry of key an integer: that axis is dropped"),
    _operator("slice(x; key)", "view", "x[key], one entry of key a slice with start, stop and positive step"),
    _operator("diagonal(x; offset, axis1, axis2)", "view", "a diagonal of two axes, appended as the last axis"),
    _operator("add_(x, y)", "write", "x becomes x + y, y broadcast to x"),
    _operator("multiply_(x, y)", "write", "x becomes x * y, y broadcast to x", value_dependent=True),
    _operator("copy_(x, y)", "write", "x becomes y, broadcast to x: the old value is cut off"),
    _operator("setitem_(x, y; key)", "write", "x[key] becomes y, broadcast to it"),
)
"""What random programs are made of."""

WRITES_APART = _table(
    _operator("fill_(x; value)", "write", "every element becomes the number `value`"),
    _operator(
        "masked_fill_(x; mask, value)", "write", "the elements where `mask`, a nested tuple, is True become `value`"
    ),
    _operator(
        "index_copy_(x, y; indices, axis)", "write", "the listed entries along an axis become those of y, in order"
    ),
)
"""What only some clauses' programs are made of."""

APART = _table(
    _operator(
        "view(x; shape)", "view", "the same elements in row-major order, never copied: refused where strides forbid"
    ),
    _operator("as_strided(x; shape, strides, offset)", "view", "any geometry over the memory, counted in elements"),
    _operator("unbind(x; axis)", "view", "a sequence of all entries along an axis, each without it"),
    _operator(
        "split(x; size, axis)", "view", "a sequence of parts of `size` entries along an axis, the last may be shorter"
    ),
    _operator("greater(x, y)", "function", "x > y, broadcast, as booleans"),
    _operator("argmax(x; axis)", "function", "where along an axis the largest entry is, as integers"),
    _operator("where(x, y; mask)", "function", "x where the nested tuple `mask` holds True, else y; broadcast"),
    _operator("multiply_into_(x, y, z)", "write", "x becomes y * z: the destination that the operator is given"),
    _operator("transpose_(x; axis1, axis2)", "write", "x itself has two axes exchanged"),
    _operator("squeeze_(x; axis)", "write", "x itself loses one axis of length 1"),
    _operator("expand_dims_(x; axis)", "write", "x itself gets a new axis of length 1"),
)
"""What has clauses of its own, and is no part of programs."""

IN_PROGRAMS: Mapping[str, Operator] = {**STEPS, **WRITES_APART}
OPERATORS: Mapping[str, Operator] = {**STEPS, **WRITES_APART, **APART}
VIEWS = tuple(name for name, operator in STEPS.items() if operator.kind == "view")
WRITES = tuple(name for name, operator in STEPS.items() if operator.kind == "write")
