"""The oracle with one fault planted: each must be found by the closed forms and by random programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autograd_conformance.operators import VIEWS
from autograd_conformance.programs import oracle
from autograd_conformance.programs.oracle import FORWARD, WRITE, Dual, History, Memory, Oracle
from autograd_conformance.programs.program import DETACH, Step

RIGHT = dict(FORWARD)
Mutant = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[str, Mutant] = {}


def mutant(plant: Mutant) -> Mutant:
    MUTANTS[plant.__name__] = plant
    return plant


def forward(name: str, tangent: Callable[..., Any]) -> None:
    """An operator whose value is right and whose tangent is `tangent`."""
    right = FORWARD[name]

    def wrong(*operands: Dual, **params: Any) -> Any:
        return right(*operands, **params)[0], tangent(*operands, **params)

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(FORWARD, name, wrong)

    plant.__name__ = f"{name}: {tangent.__name__}"
    mutant(plant)


def tangents_added(x: Dual, y: Dual) -> Any:
    return x.tangent + y.tangent


def half_the_product_rule(x: Dual, y: Dual) -> Any:
    return x.tangent * y.value[..., None] + 0 * (x.value[..., None] * y.tangent)


def first_operand_only(x: Dual, y: Dual) -> Any:
    return np.einsum("...ijz,...jk->...ikz", x.tangent, y.value)


def sign_lost(x: Dual) -> Any:
    return x.tangent


def first_entry_only(x: Dual, axis: tuple[int, ...], keepdims: bool) -> Any:
    right = RIGHT["sum"](x, axis=axis, keepdims=keepdims)[1]
    return np.take(x.tangent, [0], axis[0]).sum(axis, keepdims=keepdims) if axis else right


def repeats_counted_once(x: Dual, indices: Any, axis: int) -> Any:
    tangent = np.take(x.tangent, indices, axis)
    for place, index in enumerate(indices):
        if index in indices[:place]:
            tangent[(*[slice(None)] * axis, place)] = 0
    return tangent


def last_operand_lost(*xs: Dual, axis: int) -> Any:
    return np.concatenate([*(x.tangent for x in xs[:-1]), 0 * xs[-1].tangent], axis)


def operands_swapped(*xs: Dual, axis: int) -> Any:
    return np.stack([x.tangent for x in xs[::-1]], axis)


def first_copy_only(x: Dual, shape: Any) -> Any:
    right = RIGHT["broadcast_to"](x, shape)[1].copy()
    if len(shape) > x.value.ndim:
        right[1:] = 0
    return right


def axes_inverted(x: Dual, axes: Any) -> Any:
    shape = x.value.transpose(axes).shape
    return x.tangent.transpose((*np.argsort(axes), len(axes))).reshape((*shape, -1))


def offset_ignored(x: Dual, offset: int, axis1: int, axis2: int) -> Any:
    right = RIGHT["diagonal"](x, offset, axis1, axis2)[1]
    return right if not offset else np.zeros_like(right)


for _name, _tangent in (
    ("subtract", tangents_added),
    ("multiply", half_the_product_rule),
    ("matmul", first_operand_only),
    ("negative", sign_lost),
    ("sum", first_entry_only),
    ("take", repeats_counted_once),
    ("concat", last_operand_lost),
    ("stack", operands_swapped),
    ("broadcast_to", first_copy_only),
    ("permute_dims", axes_inverted),
    ("diagonal", offset_ignored),
):
    forward(_name, _tangent)


@mutant
def matmul_transposed(patch: pytest.MonkeyPatch) -> None:
    def wrong(x: Dual, y: Dual) -> Any:
        square = y.value.shape[-1] == y.value.shape[-2]
        turned = replace(y, value=y.value.swapaxes(-1, -2), tangent=y.tangent.swapaxes(-2, -3))
        return RIGHT["matmul"](x, turned if square else y)

    patch.setitem(FORWARD, "matmul", wrong)


@mutant
def stepped_slices_lose_their_step(patch: pytest.MonkeyPatch) -> None:
    right = FORWARD["slice"]

    def wrong(x: Dual, key: Any) -> Any:
        value, tangent = right(x, key)
        return value, tangent if key[-1].step in (None, 1) else tangent[(*[slice(None)] * (len(key) - 1), slice(0, 1))]

    patch.setitem(FORWARD, "slice", wrong)


@mutant
def views_copy(patch: pytest.MonkeyPatch) -> None:
    right = Oracle.view

    def copied(self: Oracle, step: Step, source: Dual) -> Dual:
        view = right(self, step, source)
        return replace(view, value=view.value.copy(), tangent=view.tangent.copy())

    patch.setattr(Oracle, "view", copied)


@mutant
def reshape_copies(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(FORWARD, "reshape", _copied(FORWARD["reshape"]))


@mutant
def select_shares_values_only(patch: pytest.MonkeyPatch) -> None:
    right = FORWARD["select"]
    patch.setitem(FORWARD, "select", lambda x, key: (right(x, key)[0], right(x, key)[1].copy()))


@mutant
def everything_aliases(patch: pytest.MonkeyPatch) -> None:
    right = Oracle.__init__
    patch.setattr(Oracle, "__init__", lambda self, aliasing: right(self, {*VIEWS, DETACH}))


@mutant
def detach_keeps_the_tangent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Oracle, "detach", lambda self, source: replace(source, history=History(False)))


@mutant
def detach_copies(patch: pytest.MonkeyPatch) -> None:
    right = Oracle.detach

    def copied(self: Oracle, source: Dual) -> Dual:
        return replace(right(self, source), value=source.value.copy(), memory=Memory())

    patch.setattr(Oracle, "detach", copied)


@mutant
def writes_through_a_detached_alias_change_the_history(patch: pytest.MonkeyPatch) -> None:
    class Attached(Dual):
        pass

    right_detach, right_write = Oracle.detach, Oracle.write

    def detach(self: Oracle, source: Dual) -> Dual:
        alias = Attached(**vars(right_detach(self, source)))
        vars(alias)["source"] = source
        return alias

    def write(self: Oracle, step: Step, target: Dual, *others: Dual) -> Dual:
        if "source" in vars(target) and DETACH in self.aliasing:  # a view of an alias has none
            vars(target)["source"].tangent[...] = 0
        return right_write(self, step, target, *others)

    patch.setattr(Oracle, "detach", detach)
    patch.setattr(Oracle, "write", write)


@mutant
def unrecorded_writes_change_the_tangent(patch: pytest.MonkeyPatch) -> None:
    def always(self: Oracle, region: Dual, tangent: Any, step: Step) -> None:
        region.tangent[...] = tangent

    patch.setattr(Oracle, "write_tangent", always)


@mutant
def unrecorded_writes_cut_the_tangent(patch: pytest.MonkeyPatch) -> None:
    def cut(self: Oracle, region: Dual, tangent: Any, step: Step) -> None:
        region.tangent[...] = tangent if step.recorded else 0

    patch.setattr(Oracle, "write_tangent", cut)


@mutant
def unrecorded_steps_are_recorded(patch: pytest.MonkeyPatch) -> None:
    right = Oracle.apply
    patch.setattr(Oracle, "apply", lambda self, step, xs: right(self, replace(step, recorded=True), xs))


@mutant
def multiply_in_place_uses_the_new_value(patch: pytest.MonkeyPatch) -> None:
    def wrong(x: Dual, y: Dual) -> Any:
        value = x.value * y.value
        return value, x.tangent * y.value[..., None] + value[..., None] * y.tangent

    patch.setitem(WRITE, "multiply_", wrong)


@mutant
def add_in_place_forgets_the_operand(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(WRITE, "add_", lambda x, y: (x.value + y.value, x.tangent))


@mutant
def setitem_does_not_cut(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(WRITE, "setitem_", lambda x, y: (y.value, x.tangent + y.tangent))


@mutant
def copy_does_not_cut(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(WRITE, "copy_", lambda x, y: (y.value, x.tangent + y.tangent))


@mutant
def setitem_writes_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(oracle, "written", lambda step, target: target)


def _copied(right: Any) -> Any:
    def copied(*operands: Dual, **params: Any) -> Any:
        value, tangent = right(*operands, **params)
        return value.copy(), tangent.copy()

    return copied
