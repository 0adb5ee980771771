"""The parts of the graph: nodes, the edges between them, and the values that derivatives will need."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch

from .storage import Storage
from .tensor import Tensor

# A gradient is sent along an edge: to a node, as the gradient of one of its outputs.
Edge = tuple["Node", int]
# A value kept for a derivative, its storage, and the version of that when it was kept. It does not refer to tensors or
# nodes, so that a graph has no cycles: its history is that of the operand, to which the node has an edge.
Saved = tuple[Any, Storage, int]
# During a pass a gradient is a raw torch tensor, or a Tensor when the pass itself is recorded (`create_graph`).
Gradient = Any

# The storage of saved numbers, and of copies that only a node knows of.
UNWRITTEN = Storage()

# Counts down, because the heap of the backward walk gives the smallest first, and the latest node is to run first.
recorded_order = itertools.count(0, -1)


class Node:
    """A step of the recorded program: takes gradients of its outputs, gives gradients along its edges.

    `outputs` are the shape and dtype of each output. A node is always recorded after the nodes its edges lead to. The backward walk relies on that.
    """

    __slots__ = ("__weakref__", "edges", "order", "outputs")

    def __init__(self, edges: Sequence[Edge | None], outputs: tuple[tuple[torch.Size, torch.dtype], ...]) -> None:
        self.order = next(recorded_order)
        self.edges = edges
        self.outputs = outputs

    def name(self) -> str:
        """The name shown to users, as in `grad_fn=<MulBackward0>`."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes this node sends gradients to, each with the number of the output they are for."""
        return tuple((None, 0) if edge is None else edge for edge in self.edges)

    def gradients(
        self, cotangents: Sequence[Gradient | None], needed: set[Node] | None, create_graph: bool
    ) -> Sequence[Gradient | None]:
        """The gradient for each edge; None where there is none, or where the target is not in `needed`."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of the saved values: the pass that has just run does not retain the graph."""

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


def save(value: Any) -> Saved:
    """Keep an operand for a derivative: a tensor with the version it has now, or a number."""
    if isinstance(value, Tensor):
        return value._data, value._storage, value._storage.version
    return value, UNWRITTEN, 0


def refuse_modified(data: torch.Tensor, storage: Storage, version: int) -> None:
    """Report that the memory of a saved value was written since the value was saved."""
    raise RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"a {data.dtype} tensor of shape {list(data.shape)} is at version {storage.version}; "
        f"expected version {version} instead. Write out of place, or to a clone()."
    )
