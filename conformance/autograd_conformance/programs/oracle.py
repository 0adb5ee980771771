"""What a program must give, without a graph: every element of every storage carries its derivatives by all inputs.

A `Dual` is a NumPy array of values and a NumPy array of derivatives with one more axis.  A view of a tensor is the same
NumPy view of both arrays, and a write goes into both; so accumulation, fan-out, views of views and writes through views
come out right by construction.  Arithmetic is on integers held in float64, hence exact.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_conformance.programs.legality import Illegal, require_legal
from autograd_conformance.programs.program import DETACH, LARGEST, Program, Step

Array = NDArray[Any]
Floats = NDArray[np.float64]


class Memory:
    """What all tensors that alias each other share, detached ones included."""

    frozen = False
    """Honest engines differ on what a later write would do, so there is none: see `legality.py`."""


@dataclass
class History:
    """What a tensor shares with its recorded views: do they require gradients, and are they an input that does?"""

    requires: bool
    leaf: bool = False


@dataclass(eq=False)
class Dual:
    """`value` of some shape; `tangent` of that shape and one more axis, for the elements of the inputs."""

    value: Floats
    tangent: Floats
    memory: Memory
    history: History
    layout_known: bool = True
    """Every engine lays this tensor out as NumPy does: it is an input, or made of row-major operands, or a view of such."""
    recorded: bool = True
    """False: a view taken while recording was off."""
    expanded: bool = False
    """Made by `broadcast_to`, or a view of such a tensor: several elements may lie in one place."""


class Oracle:
    """Runs steps on `Dual`s, for an engine whose operators in `aliasing` give views."""

    def __init__(self, aliasing: Collection[str]) -> None:
        self.aliasing = aliasing
        self.forward: Mapping[str, Forward] = FORWARD

    def run(self, program: Program) -> list[Dual]:
        """Every tensor of the program by number, as it is after the last step; raises `Illegal` for what is not judged."""
        tensors = self.tensors(program)
        if not all(tensors[root].history.requires for root in program.roots):
            raise Illegal("a root that requires no gradient")
        return tensors

    def tensors(self, program: Program) -> list[Dual]:
        """The same, whatever the roots are."""
        tensors = self.inputs(program.arrays, [each.requires_grad for each in program.inputs])
        for step in program.steps:
            tensors.append(self.apply(step, [tensors[number] for number in step.operands]))
        return tensors

    def inputs(self, arrays: Sequence[Array], flags: Sequence[bool]) -> list[Dual]:
        """Inputs; the elements of the flagged ones are differentiated, each in a column of its own."""
        columns = sum(array.size for array, flag in zip(arrays, flags, strict=True) if flag)
        duals, first = [], 0
        for array, flag in zip(arrays, flags, strict=True):
            tangent = np.eye(array.size, columns, first) if flag else np.zeros((array.size, columns))
            first += array.size if flag else 0
            value = np.array(array, np.float64)
            duals.append(Dual(value, tangent.reshape((*array.shape, columns)), Memory(), History(flag, leaf=flag)))
        return duals

    def apply(self, step: Step, operands: Sequence[Dual]) -> Dual:
        """One step; a write changes `operands[0]` and returns it."""
        require_legal(step, operands)
        if step.writes:
            return self.write(step, *operands)
        if step.operator == DETACH:
            return self.detach(*operands)
        if step.operator in self.aliasing:
            return self.view(step, *operands)
        value, tangent = self.forward[step.operator](*operands, **step.params)
        requires = step.recorded and any(operand.history.requires for operand in operands)
        known = step.operator in ROW_MAJOR and all(_row_major(operand) for operand in operands)
        return _fresh(value, tangent if step.recorded else self.cut(tangent), requires, known)

    def detach(self, source: Dual) -> Dual:
        if DETACH not in self.aliasing:
            return _fresh(source.value, self.cut(source.tangent), False, _row_major(source))
        return replace(source, tangent=self.cut(source.tangent), history=History(False), recorded=True)

    def view(self, step: Step, source: Dual) -> Dual:
        value, tangent = self.forward[step.operator](source, **step.params)
        requires = step.recorded and source.history.requires
        if step.operator == "reshape" and not source.layout_known:
            source.memory.frozen = True  # a view here may be a copy there
        if value.size and not np.may_share_memory(value, source.value):
            copy = _fresh(value, tangent if step.recorded else self.cut(tangent), requires, source.layout_known)
            copy.memory.frozen = not source.layout_known  # a copy here may be a view there
            return copy
        expanded = source.expanded or step.operator == "broadcast_to"
        if step.recorded:
            return replace(source, value=value, tangent=tangent, expanded=expanded)
        source.memory.frozen = True
        tangent = self.cut(tangent)
        return replace(source, value=value, tangent=tangent, history=History(False), recorded=False, expanded=expanded)

    def write(self, step: Step, target: Dual, *others: Dual) -> Dual:
        region = written(step, target)
        params = {name: value for name, value in step.params.items() if name != "key"}
        value, tangent = WRITE[step.operator](region, *others, **params)
        # Assignment alone drops leading axes of length 1.
        region.value[...] = np.broadcast_to(value, region.value.shape)
        if step.recorded:  # otherwise the value changes and the history does not
            target.history.requires |= any(operand.history.requires for operand in others)
        self.write_tangent(region, tangent, step)
        return target

    def cut(self, tangent: Floats) -> Floats:
        return np.zeros_like(tangent)

    def write_tangent(self, region: Dual, tangent: Floats, step: Step) -> None:
        if step.recorded:
            region.tangent[...] = tangent


class Bound(Oracle):
    """The same on magnitudes: no partial sum of any engine, forward or backward, is larger.

    Every input element has the largest magnitude and is differentiated; nothing is subtracted; nothing is cut off.
    """

    def __init__(self, aliasing: Collection[str]) -> None:
        super().__init__(aliasing)
        self.forward = {**FORWARD, "subtract": FORWARD["add"], "negative": lambda x: (x.value, x.tangent)}

    def inputs(self, arrays: Sequence[Array], flags: Sequence[bool]) -> list[Dual]:
        duals = super().inputs([np.full(array.shape, LARGEST) for array in arrays], [True] * len(arrays))
        for dual, flag in zip(duals, flags, strict=True):
            dual.history = History(flag, leaf=flag)
        return duals

    def cut(self, tangent: Floats) -> Floats:
        return tangent

    def write_tangent(self, region: Dual, tangent: Floats, step: Step) -> None:
        np.maximum(region.tangent, tangent, out=region.tangent)


def written(step: Step, target: Dual) -> Dual:
    """The part of `target` that a write step changes."""
    if "key" not in step.params:
        return target
    return Dual(*_key(target, step.params["key"]), target.memory, target.history)


def _fresh(value: Any, tangent: Any, requires: bool, layout_known: bool) -> Dual:
    return Dual(np.array(value, order="C"), np.array(tangent, order="C"), Memory(), History(requires), layout_known)


def _row_major(x: Dual) -> bool:
    """Also in axes of length 1, whose strides mean nothing and yet decide how some engines lay out a result."""
    strides, size = [], x.value.itemsize
    for length in reversed(x.value.shape):
        strides.append(size)
        size *= length
    return x.layout_known and x.value.strides == tuple(reversed(strides))


# ---- the operators: (values, tangents) of operands ----
Pair = tuple[Any, Any]
Forward = Callable[..., Pair]


def _multiply(x: Dual, y: Dual) -> Pair:
    return x.value * y.value, x.tangent * y.value[..., None] + x.value[..., None] * y.tangent


def _matmul(x: Dual, y: Dual) -> Pair:
    return x.value @ y.value, (
        np.einsum("...ijz,...jk->...ikz", x.tangent, y.value) + np.einsum("...ij,...jkz->...ikz", x.value, y.tangent)
    )


def _reshape(x: Dual, shape: tuple[int, ...]) -> Pair:
    value = x.value.reshape(shape)
    return value, x.tangent.reshape((*shape, x.tangent.shape[-1]))


def _key(x: Dual, key: tuple[Any, ...]) -> Pair:
    return x.value[(*key, ...)], x.tangent[(*key, ...)]  # the ellipsis keeps a 0-d result a view


def _diagonal(x: Dual, offset: int, axis1: int, axis2: int) -> Pair:
    value = np.diagonal(x.value, offset, axis1, axis2)
    tangent = np.diagonal(x.tangent, offset, axis1, axis2)
    return _writable(value), np.moveaxis(_writable(tangent), -1, -2)


def _squeeze(x: Dual, axis: int) -> Pair:
    if x.value.shape[axis] != 1:  # asked here, since NumPy lets a 0-d array lose an axis, and the tangent has one more
        raise ValueError(f"squeeze(axis={axis}): expected an axis of length 1, got the shape {x.value.shape}")
    return x.value.squeeze(axis), x.tangent.squeeze(axis)


def _broadcast_to(x: Dual, shape: tuple[int, ...]) -> Pair:
    value, tangent = np.broadcast_to(x.value, shape), np.broadcast_to(x.tangent, (*shape, x.tangent.shape[-1]))
    return _writable(value), _writable(tangent)


def _writable(view: Floats) -> Floats:
    view.flags.writeable = True  # NumPy hands these views out read-only; what overlaps itself is `legality.py`'s affair
    return view


def _masked_fill(x: Dual, mask: Any, value: float) -> Pair:
    kept = ~np.array(mask)
    return np.where(kept, x.value, value), x.tangent * kept[..., None]


def _index_copy(x: Any, y: Any, indices: tuple[int, ...], axis: int) -> Any:
    copied = x.copy()
    copied[(*[slice(None)] * axis, list(indices))] = y
    return copied


def _both(function: Callable[..., Any]) -> Forward:
    """Operators that do to tangents, which have one more axis at the end, what they do to values."""
    return lambda *operands, **params: (
        function(*(operand.value for operand in operands), **params),
        function(*(operand.tangent for operand in operands), **params),
    )


FORWARD: Mapping[str, Forward] = {
    "add": _both(np.add),
    "subtract": _both(np.subtract),
    "negative": _both(np.negative),
    "multiply": _multiply,
    "matmul": _matmul,
    "sum": _both(lambda x, axis, keepdims: x.sum(axis=axis, keepdims=keepdims)),
    "take": _both(lambda x, indices, axis: x[(*[slice(None)] * axis, list(indices))]),
    "concat": _both(lambda *xs, axis: np.concatenate(xs, axis)),
    "stack": _both(lambda *xs, axis: np.stack(xs, axis)),
    "clone": _both(np.copy),
    "reshape": _reshape,
    "permute_dims": lambda x, axes: (x.value.transpose(axes), x.tangent.transpose((*axes, len(axes)))),
    "expand_dims": _both(np.expand_dims),
    "squeeze": _squeeze,
    "broadcast_to": _broadcast_to,
    "select": _key,
    "slice": _key,
    "diagonal": _diagonal,
}
ROW_MAJOR = ("add", "subtract", "negative", "multiply", "concat", "stack", "clone")
"""Operators whose result every engine lays out row-major, given that all operands are."""
WRITE: Mapping[str, Forward] = {
    "add_": FORWARD["add"],
    "multiply_": _multiply,
    "copy_": lambda x, y: (y.value, y.tangent),
    "setitem_": lambda x, y: (y.value, y.tangent),
    "fill_": lambda x, value: (np.full_like(x.value, value), np.zeros_like(x.tangent)),
    "masked_fill_": _masked_fill,
    "index_copy_": _both(_index_copy),
}


# ---- what a clause compares with ----
@dataclass(frozen=True)
class Expected:
    """The roots' values, the cotangents, and a gradient for each input (None: it asked for none)."""

    values: tuple[Array, ...]
    cotangents: tuple[Array, ...]
    gradients: tuple[Array | None, ...]


def expect(program: Program, aliasing: Collection[str]) -> Expected:
    """Values and gradients in the program's dtype, exact to the last bit."""
    roots = roots_of(program, aliasing)
    return pull_back(program, roots, program.cotangent_arrays([root.value.shape for root in roots]))


def roots_of(program: Program, aliasing: Collection[str]) -> list[Dual]:
    """The program's roots, as they are after its last step."""
    tensors = Oracle(aliasing).run(program)
    return [tensors[number] for number in program.roots]


def pull_back(program: Program, roots: Sequence[Dual], cotangents: Sequence[Array]) -> Expected:
    """The gradients for these cotangents: their product with the roots' derivatives."""
    total = sum(
        cotangent.reshape(-1).astype(np.float64) @ root.tangent.reshape(cotangent.size, root.tangent.shape[-1])
        for cotangent, root in zip(cotangents, roots, strict=True)
    )
    gradients: list[Array | None] = []
    first = 0
    for array, each in zip(program.arrays, program.inputs, strict=True):
        columns = np.asarray(total)[first : first + array.size]
        gradients.append(columns.reshape(array.shape).astype(program.dtype) if each.requires_grad else None)
        first += array.size if each.requires_grad else 0
    values = tuple(root.value.astype(program.dtype) for root in roots)
    return Expected(values, tuple(cotangents), tuple(gradients))


def gradient_at(program: Program, aliasing: Collection[str], number: int, cotangents: Sequence[Array]) -> Array:
    """What flows into the tensor with this number, of a program that does not write: the derivative by zeros added to it."""
    oracle = Oracle(aliasing)
    shape = oracle.tensors(program)[number].value.shape
    flags = [each.requires_grad for each in program.inputs]
    *tensors, zeros = oracle.inputs([*program.arrays, np.zeros(shape)], [*flags, True])
    columns = zeros.tangent.shape[-1]

    def probed(tensor: Dual, place: int) -> Dual:
        return oracle.apply(Step("add", ()), [tensor, zeros]) if place == number else tensor

    tensors = [probed(tensor, place) for place, tensor in enumerate(tensors)]
    for step in program.steps:
        made = oracle.apply(step, [tensors[operand] for operand in step.operands])
        tensors.append(probed(made, len(tensors)))
    total = sum(
        cotangent.reshape(-1).astype(np.float64) @ tensors[root].tangent.reshape(cotangent.size, columns)
        for cotangent, root in zip(cotangents, program.roots, strict=True)
    )
    return np.asarray(total)[columns - zeros.value.size :].reshape(shape).astype(program.dtype)
