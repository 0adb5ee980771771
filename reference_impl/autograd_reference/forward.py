"""Forward mode: tensors that carry a tangent, and operators that push it on.

There are no rules for it. A rule gives, for a cotangent u of the result, J^T u; that is linear in u, and the derivative of a
linear function is its transpose: differentiated with respect to u, along the operands' tangents, it gives J t. So the rules
of the backward pass, recorded, are all that is needed, and where an operator has none, forward mode refuses it, too.

The tangent of a view is the same view of its base's tangent; so a write through either is a write to that. A backward
pass inside a level runs on tensors, as with `create_graph`: so gradients have tangents as well. And where levels nest, the
tangents of an inner level are tensors that have tangents of the outer ones: those are second derivatives.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from .accumulate import accumulator_edge, fitted
from .backward import capture_gradients
from .custom import refuse_other_size
from .definition import Operator, Values
from .graph import apply, edge_of, key_of, levels, record, runs_on_tensors
from .modes import state
from .naming import called
from .node import Node, conjugate
from .rules import EXPAND
from .tensor import Tensor
from .views import replay

Tangents = list[Tensor | None]
Written = dict["Level", Tangents]


class Level:
    """Inside it, dual tensors can be made; at its end all lose their tangents. Whichever level is told, speaks for all."""

    def __init__(self) -> None:
        # The tangents of what a node has saved.
        self.noted: weakref.WeakKeyDictionary[Node, Tangents] = weakref.WeakKeyDictionary()

    def tangent(self, x: Any) -> Tensor | None:
        """The tangent of an operand, if it has one."""
        if not isinstance(x, Tensor):
            return None
        tangent: Tensor | None = getattr(x if x._view is None else x._view.base, "_tangent", {}).get(self)
        if tangent is not None and x._view is not None:
            tangent = replay(x._view.steps(), tangent)
        return tangent

    def give(self, x: Any, tangent: Tensor) -> None:
        """Let a tensor, which is no view, carry a tangent."""
        x._tangent = {**getattr(x, "_tangent", {}), self: tangent}

    def after(self, operator: Operator, operands: Values, parameters: Values, results: Sequence[Tensor]) -> None:
        """Push the tangents of an operator's operands on to its results, those of outer levels first."""
        present = heeded()
        for depth, level in enumerate(present):
            tangents = [level.tangent(x) for x in operands]
            with heeding(present[:depth]):
                pushed = [push(operator, operands, parameters, results, k, tangents) for k in range(len(results))]
            for result, tangent in zip(results, pushed, strict=True):
                if tangent is not None:
                    level.give(result, tangent)
            level.note(results[0], tangents, pushed)

    def note(self, result: Tensor, tangents: Tangents, pushed: Tangents) -> None:
        """Note the tangents of what a node has saved, given those of all operands and of its results."""
        if result._edge is not None and any(tangent is not None for tangent in [*tangents, *pushed]):
            node: Any = result._edge[0]
            self.noted[node] = [*[tangents[position] for position in node.plan.saves], *pushed]

    def restore(self, node: Node, place: int, value: Tensor) -> None:
        """Give a saved value the tangents that it had when it was saved."""
        for level in heeded():
            if (tangents := level.noted.get(node)) is not None and (tangent := tangents[place]) is not None:
                level.give(value, tangent)

    def written(self, operator: Operator, target: Tensor, operands: Values, parameters: Values) -> Written:
        """The tangents of all operands of a write and of its result, before it is done, for each level that has any."""
        before = {level: [level.tangent(x) for x in (target, *operands)] for level in heeded()}
        if found := {level: each for level, each in before.items() if any(tangent is not None for tangent in each)}:
            result = apply(operator, (target.clone(), *operands), parameters)
        for level, tangents in found.items():
            pushed = level.tangent(result)
            tangents.append(Tensor(torch.zeros_like(result._data)) if pushed is None else pushed)
        return found

    def write(self, target: Tensor, found: Written) -> None:
        """Do to the tangents of the memory what was done to the memory."""
        base = target if target._view is None else target._view.base
        for level, tangents in found.items():
            before = level.tangent(base)
            whole = Tensor(torch.zeros_like(base._data)) if before is None else before.clone()
            replay(() if target._view is None else target._view.steps(), whole).copy_(tangents[-1])
            level.give(base, whole)
            level.note(base, tangents[:-1], [whole])


def heeded() -> Sequence[Level]:
    """The levels whose tangents are pushed on, outer ones first."""
    return state.heeded if state.heeded is not None else [] if state.inference else levels


def innermost() -> Level:
    """The level in which this thread makes dual tensors."""
    level: Level = (state.heeded or levels)[-1]
    return level


@contextmanager
def heeding(some: Sequence[Level]) -> Iterator[None]:
    """A block in which other levels than these are none of this thread's concern."""
    before, state.heeded = state.heeded, some
    try:
        yield
    finally:
        state.heeded = before


@contextmanager
def nested_level() -> Iterator[None]:
    """A block that is a level, within others if there are some, and also in inference mode."""
    with heeding([*heeded(), level := Level()]):
        levels.append(level)
        try:
            yield
        finally:
            levels.remove(level)


def bearing(copy: Tensor, x: Tensor) -> Tensor:
    """The copy of a tensor, with the tangents of that."""
    for level in heeded():
        if (tangent := level.tangent(x)) is not None:
            level.give(copy, tangent)
    return copy


def push(
    operator: Operator, operands: Values, parameters: Values, results: Sequence[Tensor], number: int, tangents: Tangents
) -> Tensor | None:
    """J t, of one of the results, for the tangents t of the operands; None if no operand has one, or it has no derivatives."""
    result = results[number]
    if not (operator.rules and (result.is_complex() or result.is_floating_point())) or all(t is None for t in tangents):
        return None
    is_single = len(results) == 1
    is_conjugated = is_single and result.is_complex()
    plan = operator.plan(-key_of(tangents) if is_conjugated else key_of(tangents))
    recording, state.enabled = state.enabled, True
    try:
        u = Tensor(torch.zeros_like(result._data)).requires_grad_()
        g = u if is_single else [u if k == number else None for k in range(len(results))]
        read = [*[operands[position] for position in plan.saves], *(results if plan.saves_results else ()), *parameters]
        frame = [value_of(x, recording, is_conjugated) for x in read]
        roots = []
        for rule, x, tangent in zip(plan.rules, operands, tangents, strict=True):
            if rule is not None and tangent is not None:
                edge = edge_of(fitted(rule(g, frame, x.shape), x.shape, x.dtype))
                if edge is not None:
                    roots.append((edge, tangent if recording or runs_on_tensors() else tangent._data))
        state.enabled = recording
        (pushed,) = capture_gradients(roots, [(u, accumulator_edge(u))], False, recording)
        u.requires_grad_(False)  # on which also what is linear in it may seem to depend
    finally:
        state.enabled = recording
    if pushed is None:
        return Tensor(torch.zeros_like(result._data))
    return pushed if isinstance(pushed, Tensor) else Tensor(pushed)


def value_of(x: Any, recording: bool, is_conjugated: bool) -> Any:
    """A value as a rule reads it: with its history only if what it gives is to have one, and conjugated if need be."""
    x = bearing(Tensor(x._data), x) if isinstance(x, Tensor) and not recording else x
    return conjugate(x) if is_conjugated else x


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` gives."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Begin a level. RuntimeError inside another one."""
    if levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    levels.append(Level())
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: no tensor has a tangent any more. RuntimeError if there is none."""
    if not levels or level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not entered")
    levels.pop()


class dual_level:
    """A block that is a level."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *error: object) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A tensor over the same memory, and with the same history, that carries a tangent of the same shape.

    RuntimeError: outside a level, another shape, a tensor that already has a tangent. ValueError: neither floating nor complex.
    """
    if not levels:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, x in ("primal", tensor), ("tangent", tangent):
        if not (x.is_floating_point() or x.is_complex()):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {x.dtype}")
    refuse_other_size(tangent, tensor)
    if (present := innermost()).tangent(tensor) is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level is not supported."
        )
    dual = alias_of(tensor)
    present.give(dual, tangent)
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The tensor without its tangent, over the same memory, and the tangent, or None. TypeError for another object."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"_unpack_dual(): argument 'dual' (position 1) must be Tensor, not {type(tensor).__name__}")
    tangent = innermost().tangent(tensor) if levels else None
    with heeding(heeded()[:-1]):
        return UnpackedDualTensor(tensor if tangent is None else alias_of(tensor), tangent)


def alias_of(x: Tensor) -> Tensor:
    """A tensor over the same memory, of which it is no view, with the same history and tangents."""
    result = bearing(Tensor(x._data, x._storage), x)
    if state.enabled:
        record(EXPAND, (x,), (tuple(x.shape),), result)
    return called("AliasBackward0", result)  # type: ignore[no-any-return]
