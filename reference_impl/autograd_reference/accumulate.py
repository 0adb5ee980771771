"""Where gradients are kept: the node that stands for a leaf and adds to its `grad`, and results that retain theirs.

A recorded tensor refers to the node that computed it, so the node may refer back only weakly. Which tensors of a node
retain is noted here and not on the node, because nearly none do and every node would pay for it.
"""

from __future__ import annotations

import threading
import weakref

import torch

from .node import Edge, Gradient, Gradients, Node, noted, noted_leaves
from .tensor import Tensor

# Two threads may finish their passes on one leaf at the same time, and neither contribution may be lost.
_lock = threading.Lock()


class AccumulateGrad(Node):
    """Stands for a leaf that requires gradients. The graph keeps the leaf alive, not the other way round."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: Tensor) -> None:
        super().__init__((), ((leaf._data.shape, leaf._data.dtype),))
        self.leaf = leaf

    def gradients(self, cotangents: Gradients, needed: set[Node] | None, create_graph: bool) -> Gradients:
        """Nothing lies beyond a leaf. This is how one with hooks accumulates; the walk does so itself for others."""
        gradient = cotangents[0]
        if gradient is not None and self.leaf._requires_grad:
            accumulate(self.leaf, gradient, bool(cotangents[-1]))
            run_accumulated(self.leaf)
        return []

    def name(self) -> str:
        """As in torch, where this is no generated class."""
        return "torch::autograd::AccumulateGrad"

    @property
    def variable(self) -> Tensor:
        """The leaf."""
        return self.leaf


def accumulator_edge(leaf: Tensor) -> Edge:
    """The edge to the node of a leaf, which lives as long as a graph uses the leaf."""
    node = None if leaf._accumulator is None else leaf._accumulator()
    return (new_accumulator(leaf) if node is None else node), 0


def new_accumulator(leaf: Tensor) -> AccumulateGrad:
    """The node of a leaf that no graph uses yet; only one, even if two threads begin to use the leaf together."""
    with _lock:
        node = None if leaf._accumulator is None else leaf._accumulator()
        if node is None:
            node = AccumulateGrad(leaf)
            leaf._accumulator = weakref.ref(node)
            if noted_leaves and id(leaf) in noted_leaves:
                noted(node, leaf._notes)
        return node


def accumulate(tensor: Tensor, gradient: Gradient, exclusive: bool) -> None:
    """Add to the `grad` of a tensor. `exclusive`: nobody else refers to the gradient's memory, so it can be kept.

    A recorded gradient makes a new `grad` with history; any other is added into the tensor that is there.
    """
    if not tensor._data.ndim:
        gradient = at_home(gradient, tensor)
    with _lock:
        if isinstance(gradient, Tensor):
            if tensor._grad is None:
                tensor._grad = Tensor(torch.empty_like(tensor._data)).copy_(gradient)
            else:
                tensor._grad = tensor._grad + gradient
        elif tensor._grad is None:
            tensor._grad = Tensor(own(gradient, tensor._data, exclusive))
        else:
            tensor._grad._data.add_(gradient)
            tensor._grad._storage.version += 1


def run_accumulated(leaf: Tensor) -> None:
    """Run the hooks that wait for the `grad` of a leaf."""
    for hook in list(leaf._notes.accumulated.values()) if id(leaf) in noted_leaves else ():
        if (result := hook(leaf)) is not None and result is not leaf:
            error = RuntimeError if isinstance(result, Tensor) else TypeError
            raise error(f"Tensor post accumulate grad hooks should return None, but this one returned {type(result)}")


def fitted(gradient: Gradient, shape: torch.Size, dtype: torch.dtype) -> Gradient:
    """A gradient as that of a tensor of this shape and dtype: broadcasting is undone here and nowhere else."""
    if gradient.shape != shape:
        gradient = gradient.sum_to_size(shape)
    if gradient.dtype is not dtype:
        gradient = (gradient.real if gradient.is_complex() and not dtype.is_complex else gradient).to(dtype)
    return gradient


def at_home(gradient: Gradient, tensor: Tensor) -> Gradient:
    """The gradient of a tensor without dimensions, which may have met tensors of another device, on its own device."""
    return gradient if gradient.device == tensor.device else gradient.to(tensor.device)


def own(gradient: torch.Tensor, like: torch.Tensor, exclusive: bool) -> torch.Tensor:
    """The gradient in memory that nothing else refers to, with the strides a gradient of `like` has.

    These are the strides of `like` if its elements lie densely, and row-major ones otherwise.
    """
    if exclusive and gradient.is_contiguous() and like.is_contiguous():
        return gradient
    is_dense = torch.ops.aten.is_non_overlapping_and_dense.default(like)
    stride = like.stride() if is_dense else torch.empty(like.shape, device="meta").stride()
    if exclusive and gradient.stride() == stride:
        return gradient
    return gradient.new_empty_strided(like.shape, stride).copy_(gradient)


# Results that retain their gradients.

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
    # `data`, because the length of a weak dictionary is slow, and every write comes here.
    if not retaining.data or before is None or tensor._edge is None:  # type: ignore[attr-defined]
        return
    if any(each() is tensor for each in retaining.get(before[0], ())):
        retaining.setdefault(tensor._edge[0], []).append(weakref.ref(tensor))
