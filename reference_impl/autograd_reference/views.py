"""Views: tensors over the memory of another one, and how their history follows writes to that memory.

A view knows its base (the tensor that is no view) and the chain of view operators that leads there. A recorded write,
through the base or any view, becomes the history of the *base*. Every view compares the base's history with the one it
was made from whenever its own is asked for; if it is out of date, the chain is recorded again from the base.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .accumulate import follow
from .definition import Operator, Values
from .graph import edge_of, inform, levels, note
from .modes import state
from .naming import called
from .node import Edge
from .tensor import Tensor

Step = tuple[Operator, Values]

MADE_UNDER_NO_GRAD = (
    "A view was created in no_grad mode and is being modified inplace with grad mode enabled, or its base or another "
    "view of its base has been modified inplace. Given that this use case is ambiguous and error-prone, it is forbidden. You "
    "can clarify your code by moving both the view and the inplace either both inside the no_grad block or both outside."
)


class View:
    """How a view is reached from its base."""

    __slots__ = ("made_of", "operator", "parameters", "parent", "restriction", "seen")

    def __init__(
        self, base: Tensor, parent: View | None, operator: Operator, parameters: Values, seen: Edge | None
    ) -> None:
        self.made_of = base
        self.parent = parent  # the view this one is a view of, if it is not one of the base itself
        self.operator = operator
        self.parameters = parameters
        self.seen = seen  # the base's history from which this view's was made
        # Why the view cannot take part in recorded writes, if it cannot; views of it cannot either.
        self.restriction: str | None = parent.restriction if parent is not None else None

    @property
    def base(self) -> Tensor:
        """The tensor that is no view."""
        base = self.made_of
        while base._view is not None:  # it was the base until its shape was changed in place, see geometry.py
            base = self.made_of = base._view.base
        return base

    def is_stale(self) -> bool:
        """Whether the base has been written, with recording on, since the view's history was made."""
        return self.seen is not self.base._edge and not self.is_cut_off()

    def is_cut_off(self) -> bool:
        """Whether the base has lost its history to `detach_` since, and the view has kept it."""
        base = self.base
        return base._edge is None and self.seen is not None and self.seen is getattr(base, "_cut", None)

    def refresh(self, tensor: Tensor) -> None:
        """Bring the history of the view's tensor up to date."""
        if self.seen is self.base._edge or self.is_cut_off():
            return
        if self.restriction is not None:
            raise RuntimeError(self.restriction)
        enabled, state.enabled = state.enabled, True
        try:
            before, tensor._edge = tensor._edge, replay(self.steps(), self.base)._edge
        finally:
            state.enabled = enabled
        if tensor._edge is not None:
            tensor._edge[0].rename("AsStridedBackward0")  # as in torch, which does not keep the chain
        self.seen = self.base._edge
        follow(tensor, before)

    def steps(self) -> tuple[Step, ...]:
        """The chain of view operators, from the base outwards."""
        steps: list[Step] = []
        view: View | None = self
        while view is not None:
            steps.append((view.operator, view.parameters))
            view = view.parent
        return tuple(reversed(steps))


def is_view_of_leaf(x: Tensor) -> bool:
    """Whether x is a view of a leaf, or a leaf itself, that requires gradients although its memory is another tensor's."""
    return x._view is not None and x._view.base._edge is None and x.requires_grad


def replay(steps: Iterable[Step], value: Any) -> Any:
    """Take the same view of another value, raw or not."""
    for operator, parameters in steps:
        if isinstance(value, Tensor):
            value = alias(operator, value, parameters)
        else:
            value = operator.forward(value, *parameters)
    return value


def view_of(operator: Operator, x: Tensor, parameters: Values, data: Any) -> Tensor:
    """What a view operator gives, of which the raw view is there; it is not recorded."""
    result = Tensor(data, x._storage)
    base = x if x._view is None else x._view.base
    result._view = View(base, x._view, operator, parameters, base._edge)
    if not state.enabled:
        result._view.restriction = MADE_UNDER_NO_GRAD
    return result


def alias(operator: Operator, x: Tensor, parameters: Values = ()) -> Tensor:
    """Run a view operator: the result shares the operand's memory."""
    data = operator.forward(x._data, *parameters)
    copied = operator.may_copy and data.data_ptr() != x._data.data_ptr()
    result = Tensor(data) if copied else view_of(operator, x, parameters, data)
    if state.enabled:
        edge = x._edge if x._view is None and x._edge is not None else edge_of(x)
        if edge is not None:
            note(operator, (x,), parameters, result, (edge,), 3)
    if copied:
        called("UnsafeViewBackward0", result)
        if levels:
            inform(operator, (x,), parameters, result)
    return result
