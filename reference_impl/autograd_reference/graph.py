"""Recording: running an operator and, if a gradient will be wanted, noting how to compute it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .accumulate import AccumulateGrad, accumulator_edge
from .definition import Operator, Plan
from .modes import state
from .naming import node_name, saved_names
from .node import (
    UNWRITTEN,
    Edge,
    Gradient,
    Node,
    Packed,
    Saved,
    conjugate,
    observe,
    observers,
    recorded_order,
    refuse_modified,
    save,
)
from .storage import Storage
from .tensor import Tensor

# The level of forward mode, while there is one (forward.py): it is told of every operator.
levels: list[Any] = []

RELEASED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors after "
    "calling backward."
)


class Recorded(Node):
    """One application of an operator."""

    __slots__ = ("parameters", "plan", "saved")

    def __init__(
        self,
        edges: Sequence[Edge | None],
        outputs: tuple[tuple[torch.Size, torch.dtype], ...],
        plan: Plan,
        parameters: tuple[Any, ...],
        saved: list[Saved],
    ) -> None:
        self.order = next(recorded_order)  # not by way of super(): this runs for every operator
        self.edges = edges
        self.outputs = outputs
        self.plan = plan
        self.parameters = parameters
        self.saved: list[Saved] | None = saved

    def shown(self) -> Recorded:
        """Of a class of the node's name, as in torch: programs ask for `type(y.grad_fn).__name__`."""
        self.rename(self.name())
        return self

    def rename(self, name: str) -> None:
        """Give the node a name, that of its class; unless it is one of another kind, which has its own."""
        if type(self).gradients is Recorded.gradients:
            self.__class__ = class_named(name)

    def name(self) -> str:
        """The operator's name in the form that users know: `MulBackward0`."""
        return node_name(self.plan.operator.name, self.parameters)

    def gradients(
        self, cotangents: Sequence[Gradient | None], needed: set[Node] | None, create_graph: bool
    ) -> Sequence[Gradient | None]:
        """Run the operator's rules."""
        cotangent = cotangents[0] if len(self.outputs) == 1 else self.of_all(cotangents)
        frame = self.recorded_frame() if create_graph else self.frame()
        if needed is None:
            return self.plan.run(cotangent, frame, self.edges)  # type: ignore[no-any-return]
        gradients: list[Gradient | None] = []
        for edge, rule in zip(self.edges, self.plan.rules):  # noqa: B905 - of one length; to check is 2 % of a pass
            if rule is None or edge is None or edge[0] not in needed:
                gradients.append(None)
            else:
                gradients.append(rule(cotangent, frame, edge[0].outputs[edge[1]][0]))
        return gradients

    def of_all(self, cotangents: Sequence[Gradient | None]) -> list[Gradient | None]:
        """The gradients of all outputs. For those of a view that have got none, zeros."""
        if len(self.plan.operator.results) > 1:
            return [*cotangents[: len(self.outputs)]]
        given = next(g for g in cotangents if g is not None)
        pairs = zip(cotangents, self.outputs, strict=False)  # what comes after the gradients is the walk's
        return [given.new_zeros(shape) if g is None else g for g, (shape, _) in pairs]

    def frame(self) -> list[Any]:
        """The raw values that rules read. RuntimeError for those that were released, or overwritten since."""
        values = self.saved_values()
        values += self.parameters
        return [conjugate(value) for value in values] if self.plan.conjugates else values

    def recorded_frame(self) -> list[Any]:
        """The same values as tensors that have their history, for a pass that is itself recorded."""
        values = self.saved_values()
        assert self.saved is not None
        for place, (_, storage, _) in enumerate(self.saved):
            if isinstance(values[place], torch.Tensor):
                values[place] = self.with_history(place, values[place], storage)
                if levels:
                    levels[-1].restore(self, place, values[place])
        values += self.parameters
        return [conjugate(value) for value in values] if self.plan.conjugates else values

    def saved_values(self) -> list[Any]:
        """What was saved, as raw tensors and numbers."""
        if self.saved is None:
            raise RuntimeError(RELEASED)
        values: list[Any] = []
        for data, storage, version in self.saved:
            if storage.version != version:
                if isinstance(data, Packed):
                    data = data.unpack()
                else:
                    refuse_modified(data, storage, version, self.origin(len(values)))
            values.append(data)
        return values

    def with_history(self, place: int, data: torch.Tensor, storage: Storage) -> Tensor:
        """A saved value as a tensor with the history it had."""
        tensor = Tensor(data, None if storage is UNWRITTEN else storage)
        tensor._edge = self.origin(place)
        return tensor

    def origin(self, place: int) -> Edge | None:
        """The history of a saved value."""
        return self.operand_edge(self.plan.saves[place]) if place < (n := len(self.plan.saves)) else (self, place - n)

    def operand_edge(self, position: int) -> Edge | None:
        """The history of an operand."""
        return self.edges[position]

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_saved_")] + saved_names(self.plan)

    def release(self) -> None:
        """Let go of the saved values. A node that saved nothing can run again."""
        if self.saved:
            self.saved = None


@functools.cache
def class_named(name: str) -> type[Recorded]:
    """The class of the nodes of one name, made when it is first needed."""
    return type(name.rpartition(":")[2], (Recorded,), {"__slots__": (), "name": lambda self: name})


def inform(operator: Operator, operands: Sequence[Any], parameters: tuple[Any, ...], *results: Tensor) -> None:
    """Tell the level of forward mode what was done, if it is still there: it may be another thread's, which ends it."""
    for level in levels[-1:]:
        level.after(operator, operands, parameters, results)


def runs_on_tensors() -> bool:
    """Whether also a pass that is not recorded has tensors for gradients: in forward mode these have tangents."""
    return bool(levels if state.heeded is None else state.heeded)


def edge_of(tensor: Tensor) -> Edge | None:
    """Where to send a gradient of this tensor; None for constants."""
    if tensor._view is not None:
        tensor._view.refresh(tensor)
    if tensor._edge is None and tensor._requires_grad:
        return accumulator_edge(tensor)
    return tensor._edge


def apart(gradient: Gradient) -> Gradient:
    """A gradient in memory of its own. If it is recorded, the copy has the same history, and is no part of it."""
    copy = gradient.clone()
    if isinstance(gradient, Tensor) and (edge := edge_of(gradient)) and not isinstance(edge[0], AccumulateGrad):
        copy._edge = edge
    return copy


def record(
    operator: Operator, operands: Sequence[Any], parameters: tuple[Any, ...], result: Tensor, *others: Tensor
) -> None:
    """Make the operator the history of its results, unless all operands are constants."""
    edges = [edge_of(x) if isinstance(x, Tensor) else None for x in operands]
    if any(edges):
        note(operator, operands, parameters, result, edges, key_of(edges), others)


def key_of(edges: Sequence[Any]) -> int:
    """Which operands have edges, or are not None: a one, and then a binary digit for each."""
    key = 1
    for edge in edges:
        key += key if edge is None else key + 1
    return key


def note(
    operator: Operator,
    operands: Sequence[Any],
    parameters: tuple[Any, ...],
    result: Tensor,
    edges: Sequence[Edge | None],
    key: int,
    others: Sequence[Tensor] = (),
) -> None:
    """Make the operator the history of its result, and of others. Every record is made here; `key` is that of the edges."""
    data = result._data
    dtype = data.dtype
    if not dtype.is_floating_point:
        if not dtype.is_complex:
            return
        key = key if others else -key
    plan = operator.plans.get(key) or operator.plan(key)
    saved: list[Saved] = []
    for position in plan.saves:
        x = operands[position]
        if isinstance(x, Tensor):
            saved.append((x._data, x._storage, x._storage.version))
        elif isinstance(x, np.ndarray):  # whose memory has no version
            raise TypeError(f"{operator.name}(): a tensor or a number is expected, but got a numpy.ndarray")
        else:
            saved.append((x, UNWRITTEN, 0))
    if plan.saves_results:
        saved.append((data, result._storage, result._storage.version))
    result._edge = (Recorded(edges, ((data.shape, dtype),), plan, parameters, saved), 0)
    if others:
        share(result._edge[0], others)
    if observers:
        observe(result._edge[0])


def share(node: Any, others: Sequence[Tensor]) -> None:
    """Make a node the history of further results."""
    node.outputs += tuple((each.shape, each.dtype) for each in others)
    node.saved += map(save, others) if node.plan.saves_results else ()
    for number, each in enumerate(others, 1):
        each._edge = node, number


def apply(operator: Operator, operands: Sequence[Any], parameters: tuple[Any, ...] = ()) -> Tensor:
    """Run an operator that makes a new tensor, and record it if a gradient of its result may be wanted."""
    raw = [x._data if isinstance(x, Tensor) else x for x in operands]
    data = operator.forward(*raw, *parameters)
    result = Tensor(data if isinstance(data, torch.Tensor) else torch.as_tensor(data))  # of numbers alone
    if state.enabled and operator.rules:
        record(operator, operands, parameters, result)
    if levels:
        inform(operator, operands, parameters, result)
    return result


def apply_all(operator: Operator, operands: Sequence[Any], parameters: tuple[Any, ...] = ()) -> tuple[Tensor, ...]:
    """`apply` for an operator that has several results."""
    raw = [x._data if isinstance(x, Tensor) else x for x in operands]
    results = tuple(map(Tensor, operator.forward(*raw, *parameters)))
    if state.enabled:
        record(operator, operands, parameters, *results)
    if levels:
        inform(operator, operands, parameters, *results)
    return results


# What most programs mostly do, written out: the general form takes half as long again.


def apply_one(operator: Operator, x: Any, parameters: tuple[Any, ...] = ()) -> Tensor:
    """`apply` for one operand."""
    if not isinstance(x, Tensor):
        return apply(operator, (x,), parameters)
    result = Tensor(operator.forward(x._data, *parameters) if parameters else operator.forward(x._data))
    if state.enabled and operator.rules:
        edge = x._edge if x._view is None and x._edge is not None else edge_of(x)
        if edge is not None:
            note(operator, (x,), parameters, result, (edge,), 3)
    if levels:
        inform(operator, (x,), parameters, result)
    return result


def apply_two(operator: Operator, x: Any, y: Any, parameters: tuple[Any, ...] = ()) -> Tensor:
    """`apply` for two operands."""
    a = x._data if (is_tensor_x := isinstance(x, Tensor)) else x
    b = y._data if (is_tensor_y := isinstance(y, Tensor)) else y
    if not (is_tensor_x or is_tensor_y):
        return apply(operator, (x, y), parameters)
    result = Tensor(operator.forward(a, b, *parameters) if parameters else operator.forward(a, b))
    if state.enabled and operator.rules:
        edge_x = edge_y = None
        if is_tensor_x:
            edge_x = x._edge if x._view is None and x._edge is not None else edge_of(x)
        if is_tensor_y:
            edge_y = y._edge if y._view is None and y._edge is not None else edge_of(y)
        key = 4 if edge_x is None else 6
        if edge_y is not None:
            key += 1
        if key != 4:
            note(operator, (x, y), parameters, result, (edge_x, edge_y), key)
    if levels:
        inform(operator, (x, y), parameters, result)
    return result


def compute(operator: Operator, operands: Sequence[Any], parameters: tuple[Any, ...] = ()) -> Any:
    """Run an operator inside a rule, where the operands are raw torch tensors or, in a recorded pass, tensors."""
    for x in operands:
        if isinstance(x, Tensor):
            return apply(operator, operands, parameters)
    return operator.forward(*operands, *parameters)
