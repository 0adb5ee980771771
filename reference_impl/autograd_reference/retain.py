"""Gradients of results: kept where `retain_grad` asked for it.

A recorded tensor refers to the node that computed it, so the node may refer back only weakly. Which tensors of a node
retain is noted here and not on the node, because nearly none do and every node would pay for it.
"""

from __future__ import annotations

import weakref

from .accumulate import accumulate
from .node import Edge, Gradients, Node
from .tensor import Tensor

retaining: weakref.WeakKeyDictionary[Node, list[weakref.ref[Tensor]]] = weakref.WeakKeyDictionary()


def retain_grad(tensor: Tensor) -> None:
    """Let a recorded tensor accumulate in `grad` the gradient that flows into it. Leaves do so anyway.

    RuntimeError: the tensor requires no gradient.
    """
    if not tensor.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    node = tensor.grad_fn
    if node is not None and not retains_grad(tensor):
        retaining.setdefault(node, []).append(weakref.ref(tensor))


def retains_grad(tensor: Tensor) -> bool:
    """Whether a recorded tensor accumulates its gradient."""
    node = tensor.grad_fn
    return node is not None and any(each() is tensor for each in retaining.get(node, ()))


def keep(node: Node, cotangents: Gradients) -> None:
    """Add what has arrived at a node to the `grad` of its tensors that retain."""
    for reference in retaining[node]:
        tensor = reference()
        # Written or detached since, a tensor is no longer what this node computed.
        if tensor is not None and tensor._edge is not None and tensor._edge[0] is node:
            gradient = cotangents[tensor._edge[1]]
            if gradient is not None:
                accumulate(tensor, gradient, False)


def follow(tensor: Tensor, before: Edge | None) -> None:
    """A tensor that retained when `before` was its edge, and has been written since, goes on to retain."""
    if before is None or tensor._edge is None or not retaining:
        return
    if any(each() is tensor for each in retaining.get(before[0], ())):
        retaining.setdefault(tensor._edge[0], []).append(weakref.ref(tensor))
