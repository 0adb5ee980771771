"""A second opinion on programs, which shares nothing with the oracle: values only, differentiated by complex step.

A tensor is a map of indices into two flat storages, one of real and one of imaginary parts.  A view is a view of the
map; a write assigns to what the map names.  `detach` keeps the real storage and takes a new imaginary one; what is not
recorded loses its imaginary part.  Programs are polynomials, so the imaginary part is the derivative, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_conformance.programs.program import Program, Step

STEP = 2.0**-80
"""Squared, it is lost beside any integer; multiplied by an integer, it is exact."""


@dataclass(eq=False)
class Located:
    """A tensor: where its elements are, and in which storages."""

    where: Any
    real: Any
    imaginary: Any

    @property
    def value(self) -> Any:
        return self.real[self.where] + 1j * self.imaginary[self.where]


def new(value: Any) -> Located:
    """A tensor with storages of its own."""
    value = np.asarray(value, complex)
    return Located(np.arange(value.size).reshape(value.shape), value.real.ravel().copy(), value.imag.ravel().copy())


Trace = Callable[[int, Any], Any]
"""Called with the number and the value of every result and of every value written; what it returns is used instead."""


def run(program: Program, inputs: Sequence[Any], aliasing: Collection[str], trace: Trace | None = None) -> list[Any]:
    """The values of all tensors, by number, after the last step."""
    tensors = [new(each) for each in inputs]
    for number, step in enumerate(program.steps, len(inputs)):
        tensors.append(_apply(step, [tensors[each] for each in step.operands], aliasing, number, trace))
    return [tensor.value for tensor in tensors]


def _apply(step: Step, xs: list[Located], aliasing: Collection[str], number: int, trace: Trace | None) -> Located:
    def traced(value: Any) -> Any:
        return trace(number, value) if trace else value

    if step.operator.endswith("_"):
        return _write(step, xs[0], xs[1], traced)
    lost = not step.recorded or step.operator == "detach"
    if step.operator in MAPS:
        where = np.asarray(MAPS[step.operator](xs[0].where, **step.params))
        if step.operator in aliasing and np.shares_memory(where, xs[0].where):
            return Located(where, xs[0].real, np.zeros_like(xs[0].imaginary) if lost else xs[0].imaginary)
        value = Located(where, xs[0].real, xs[0].imaginary).value
    else:
        value = FUNCTIONS[step.operator](*(x.value for x in xs), **step.params)
    return new(traced(np.real(value) if lost else value))


def _write(step: Step, target: Located, operand: Located, traced: Callable[[Any], Any]) -> Located:
    where = target.where[(*step.params.get("key", ()), ...)]
    old = Located(where, target.real, target.imaginary).value
    value = traced(np.broadcast_to(WRITES[step.operator](old, operand.value), where.shape))
    target.real[where] = np.real(value)
    if step.recorded:
        target.imaginary[where] = np.imag(value)
    return target


MAPS: Mapping[str, Callable[..., Any]] = {
    "reshape": lambda where, shape: where.reshape(shape),
    "permute_dims": lambda where, axes: np.moveaxis(where, axes, range(where.ndim)),
    "expand_dims": lambda where, axis: where[(*[slice(None)] * axis, None)],
    "squeeze": lambda where, axis: where[(*[slice(None)] * axis, 0, ...)],
    "broadcast_to": lambda where, shape: np.broadcast_to(where, shape),
    "select": lambda where, key: where[(*key, ...)],
    "slice": lambda where, key: where[key],
    "diagonal": lambda where, offset, axis1, axis2: np.diagonal(where, offset, axis1, axis2),
    "detach": lambda where: where[...],
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "negative": lambda x: -x,
    "multiply": lambda x, y: x * y,
    "matmul": lambda x, y: (x[..., :, :, None] * y[..., None, :, :]).sum(-2),
    "sum": lambda x, axis, keepdims: np.sum(x, axis, keepdims=keepdims),
    "take": lambda x, indices, axis: x[(*[slice(None)] * axis, list(indices))],
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
    "clone": lambda x: x + 0,
    "stack": lambda *xs, axis: np.concatenate([np.expand_dims(x, axis) for x in xs], axis),
}
WRITES: Mapping[str, Callable[[Any, Any], Any]] = {
    "add_": lambda old, y: old + y,
    "multiply_": lambda old, y: old * y,
    "copy_": lambda old, y: y,
    "setitem_": lambda old, y: y,
}


def gradients(program: Program, aliasing: Collection[str]) -> list[Any]:
    """For each input the derivatives of the roots times the program's cotangents, an element at a time; or None."""
    inputs = [array.astype(complex) for array in program.arrays]
    return [
        _partials(program, inputs, number, aliasing) if each.requires_grad else None
        for number, each in enumerate(program.inputs)
    ]


def _partials(program: Program, inputs: Sequence[Any], number: int, aliasing: Collection[str]) -> Any:
    partials = np.empty(inputs[number].shape)
    for place in np.ndindex(partials.shape):
        moved = [each.copy() for each in inputs]
        moved[number][place] += STEP * 1j
        partials[place] = _contracted(program, run(program, moved, aliasing)).imag / STEP
    return partials


def _contracted(program: Program, values: Sequence[Any]) -> Any:
    roots = [values[number] for number in program.roots]
    cotangents = program.cotangent_arrays([root.shape for root in roots])
    return sum((root * cotangent).sum() for root, cotangent in zip(roots, cotangents, strict=True))
