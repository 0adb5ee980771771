"""Shape operators in place: the tensor itself gets another shape and other strides over the same memory.

Its views were made from the old geometry, and what they are to do when the memory is written is told from there. So the
old geometry is kept in a tensor that nobody else sees: it becomes the base of all, and the tensor itself a view of it.
"""

from __future__ import annotations

from typing import Any

from .definition import Operator, public
from .graph import record
from .modes import state
from .shaping import Size, sizes
from .tensor import Tensor
from .views import View


def reshape_in_place(operator: Operator, x: Tensor, parameters: tuple[Any, ...]) -> Tensor:
    """Make x what `operator`, which gives a view, makes of it.

    RuntimeError, before anything is changed: for a leaf that requires gradients, since its gradient has its shape; for a
    recorded tensor while recording is off, since its history would no longer fit.
    """
    if x.requires_grad and x.is_leaf:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if x.requires_grad and not state.enabled:
        raise RuntimeError(
            f"{operator.name}_: this tensor has a history, which cannot follow it to another shape while recording is "
            f"off. Switch recording on, or use {operator.name}, which gives a view."
        )
    data = operator.forward(x._data, *parameters)
    before = Tensor(x._data, x._storage)
    before._edge, before._view = x._edge, x._view
    if x._view is None:
        x._view = View(before, None, operator, parameters, before._edge)
    else:
        x._view = View(x._view.base, x._view, operator, parameters, x._view.seen)
    x._data = data
    x._storage.version += 1
    if state.enabled:
        record(operator, (before,), parameters, x)
    return x


@public
def resize_(x: Tensor, *size: Size) -> Tensor:
    """Give x another shape, row-major, over its memory, which grows if need be. RuntimeError if x requires gradients."""
    if x.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if x.shape != (shape := sizes(size)):
        x._data = x._data.detach().resize_(shape)
        x._view = None
        x._storage.version += 1
    return x
