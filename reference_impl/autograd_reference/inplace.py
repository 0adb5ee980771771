"""Writes in place: what may be written, and how the history changes.

After `v.mul_(y)`, v *is* the product, so the node of the product becomes the history of v. When v is a view, its base has
changed as well: the node that joins the base's history then stands for "the base, with the viewed part replaced by the
product", and the views find out by themselves (views.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from . import rules
from .accumulate import follow
from .definition import Operator, Plan, Values, public
from .geometry import resize_
from .graph import Recorded, apply, compute, edge_of, key_of, levels
from .modes import state
from .node import UNWRITTEN, Edge, Gradient, Gradients, Node, Saved, observe, observers, save
from .overlap import refuse_overlap
from .tensor import Number, Tensor
from .views import MADE_UNDER_NO_GRAD, is_view_of_leaf, replay

FILL = torch.Tensor.fill_


class CopySlices(Recorded):
    """An operator whose result was written to a view: the first edge is the base's, the others the other operands'."""

    __slots__ = ("steps", "stride", "target_edge", "written")

    def __init__(
        self, edges: Sequence[Edge | None], plan: Plan, parameters: Values, saved: list[Saved], target: Tensor
    ) -> None:
        assert target._view is not None
        base = target._view.base._data
        super().__init__(edges, ((base.shape, base.dtype),), plan, parameters, saved)
        self.steps = target._view.steps()
        self.written = target._data.shape
        self.stride = base.stride()
        self.target_edge = edge_of(target) if 0 in plan.saves else None

    def name(self) -> str:
        """The same for all operators."""
        return "torch::autograd::CopySlices"

    def gradients(self, cotangents: Gradients, needed: set[Node] | None, create_graph: bool) -> Gradients:
        """The base keeps its gradient where it was not written; the operator's rules run on the part that was."""
        cotangent = cotangents[0]
        part = replay(self.steps, cotangent)
        frame = self.recorded_frame() if create_graph else self.frame()
        gradients: list[Gradient | None] = []
        for position, (edge, rule) in enumerate(zip(self.edges, self.plan.rules, strict=True)):
            gradient = None
            if rule is not None and edge is not None and (needed is None or edge[0] in needed):
                gradient = rule(part, frame, edge[0].outputs[edge[1]][0] if position else self.written)
                if position == 0:
                    gradient = compute(rules.REPLACE, (cotangent, gradient), (self.steps, self.stride))
            gradients.append(gradient)
        return gradients

    def frame(self) -> list[Any]:
        """As for any operator, but what was saved as the result is the whole base."""
        return self.view_result(super().frame())

    def recorded_frame(self) -> list[Any]:
        """As for any operator, but what was saved as the result is the whole base."""
        return self.view_result(super().recorded_frame())

    def view_result(self, frame: list[Any]) -> list[Any]:
        """Replace the base by the view that was written."""
        if self.plan.saves_results:
            place = len(self.plan.saves)
            frame[place] = replay(self.steps, frame[place])
        return frame

    def operand_edge(self, position: int) -> Edge | None:
        """The history of an operand; the one that was overwritten is a view."""
        return self.edges[position] if position else self.target_edge


def requires(x: Any) -> bool:
    """Whether an operand makes the result of a recorded operator require gradients."""
    return isinstance(x, Tensor) and x.requires_grad


def write(
    operator: Operator, write_raw: Callable[..., Any], target: Tensor, operands: Values, parameters: Values = ()
) -> Tensor:
    """Replace the target's values by `operator(target, *operands)`, as `write_raw` does on raw tensors.

    RuntimeError, before anything is changed: see `refuse_recording` and `refuse_overlap`, and torch's own for shapes and
    dtypes that would have to change.
    """
    version = target._storage.version
    # A view that was made under no_grad requires nothing, but its base's history would miss the write: that is refused.
    base = target if target._view is None else target._view.base
    recording = state.enabled and (
        target._edge is not None or target.requires_grad or base.requires_grad or any(map(requires, operands))
    )
    if recording or write_raw is not FILL or isinstance(operands[0], Tensor):  # one number fits in all places
        refuse_overlap(target, operands)
    node = before_write(operator, target, operands, parameters) if recording else None
    tangents = levels[-1].written(operator, target, operands, parameters) if levels else None
    if len(operands) == 1:
        (x,) = operands
        write_raw(target._data, x._data if isinstance(x, Tensor) else x, *parameters)
    else:
        write_raw(target._data, *[x._data if isinstance(x, Tensor) else x for x in operands], *parameters)
    target._storage.version = version + 1
    if node is not None:
        after_write(node, target)
    if tangents is not None:
        levels[-1].write(target, tangents)
    return target


def is_in_leaf(view: Tensor) -> bool:
    """Whether a write to a view would change a leaf that requires gradients."""
    assert view._view is not None
    base = view._view.base
    return is_view_of_leaf(view) or (base._requires_grad and base._edge is None)


def refuse_recording(target: Tensor, what: str = "is being used") -> None:
    """RuntimeError for a target whose write cannot be recorded: a leaf that requires gradients, or a view of one; a view
    that does not take part in its base's history, or has one that its base has lost.
    """
    view = target._view
    if view is None:
        if target._requires_grad and target._edge is None:
            raise RuntimeError(f"a leaf Variable that requires grad {what} in an in-place operation.")
    elif view.is_cut_off():
        raise RuntimeError(
            "a view is being written whose base was detached in place: write to the base, or to a clone()."
        )
    elif view.restriction is not None and (view.restriction is MADE_UNDER_NO_GRAD or not is_in_leaf(target)):
        raise RuntimeError(view.restriction)
    elif is_in_leaf(target):
        raise RuntimeError(f"a view of a leaf Variable that requires grad {what} in an in-place operation.")


def before_write(operator: Operator, target: Tensor, operands: Values, parameters: Values) -> Recorded:
    """The node of a write, with the values that its rules need saved while they are there."""
    refuse_recording(target)
    edges = [edge_of(target if target._view is None else target._view.base)]
    for x in operands:
        edges.append(edge_of(x) if isinstance(x, Tensor) else None)
    data, key = target._data, key_of(edges)
    plan = operator.plan(-key if data.is_complex() else key)
    saved: list[Saved] = []
    for position in plan.saves:
        saved.append(save(operands[position - 1]) if position else save_copy(target))
    node = (
        Recorded(edges, ((data.shape, data.dtype),), plan, parameters, saved)
        if target._view is None
        else CopySlices(edges, plan, parameters, saved, target)
    )
    if observers:
        observe(node)
    return node


def save_copy(target: Tensor) -> Saved:
    """Keep the value that is about to be overwritten."""
    return target._data.clone(), UNWRITTEN, 0


def after_write(node: Recorded, target: Tensor) -> None:
    """Make the node the history of the target, or of the base of which the target is a view."""
    root = target if target._view is None else target._view.base
    before, root._edge = root._edge, (node, 0)
    follow(root, before)
    root._requires_grad = False
    if node.plan.saves_results and node.saved is not None:
        node.saved.append(save(root))
        if observers:
            observe(node)


def write_result(operator: Operator, operands: Values, parameters: Values, out: Tensor) -> Tensor:
    """Write what an operator gives to a tensor, which is returned. See `write_out`."""
    return write_out(operator.name, operands, lambda: apply(operator, operands, parameters), out)


def write_out(name: str, operands: Sequence[Any], compute_result: Callable[[], Tensor], out: Tensor) -> Tensor:
    """Write the result of a function to a tensor of its shape, or without elements, which then takes the shape.

    RuntimeError for another shape, and where the write would have to be recorded.
    """
    if state.enabled and any(requires(x) for x in (*operands, out)):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    result = compute_result()
    if out.numel() == 0:
        resize_(out, result.shape)
    if result.shape != out.shape:
        raise RuntimeError(f"{name}(): the result has shape {list(result.shape)}, but out has {list(out.shape)}")
    if not torch.can_cast(result.dtype, out.dtype):
        raise RuntimeError(f"{name}(): result type {result.dtype} can't be cast to the desired output type {out.dtype}")
    return copy_(out, result)


@public
def add_(x: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """x += alpha * other."""
    return write(rules.ADD, torch.Tensor.add_, x, (other if alpha == 1 else other * alpha,))


@public
def sub_(x: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """x -= alpha * other."""
    return write(rules.SUB, torch.Tensor.sub_, x, (other if alpha == 1 else other * alpha,))


@public
def copy_(x: Tensor, source: Tensor | Number) -> Tensor:
    """Overwrite x with a tensor or number that is broadcast to its shape and cast to its dtype."""
    if isinstance(source, Tensor):
        return write(rules.COPY, torch.Tensor.copy_, x, (source,))
    refuse_overlap(x, ())
    return fill_(x, source)


@public
def fill_(x: Tensor, value: Tensor | Number) -> Tensor:
    """Overwrite every element of x with one value, a number or a tensor without dimensions.

    Elements that share places in memory may be overwritten with a number, if nothing is recorded.
    """
    return write(rules.COPY, FILL, x, (value,))


@public
def fill_diagonal_(x: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """Overwrite the main diagonal of a tensor of two dimensions or more. NotImplementedError for `wrap`."""
    if wrap:
        raise NotImplementedError("fill_diagonal_: wrap")
    diagonal = x
    while diagonal.ndim > 1:
        diagonal = diagonal.diagonal()
    fill_(diagonal, fill_value)
    return x


@public
def zero_(x: Tensor) -> Tensor:
    """Overwrite x with zeros."""
    return fill_(x, 0)
