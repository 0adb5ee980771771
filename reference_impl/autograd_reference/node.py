"""The parts of the graph: nodes, the edges between them, and the values that derivatives will need."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from .storage import Storage
from .tensor import Tensor

# A gradient is sent along an edge: to a node, as the gradient of one of its outputs.
Edge = tuple["Node", int]
# A value kept for a derivative, its storage, and the version of that when it was kept. It does not refer to tensors or
# nodes, so that a graph has no cycles: its history is that of the operand, to which the node has an edge.
Saved = tuple[Any, Storage, int]
# During a pass a gradient is a raw torch tensor, or a Tensor when the pass itself is recorded (`create_graph`).
Gradient = Any
Gradients = Sequence[Gradient | None]

# The storage of saved numbers, and of copies that only a node knows of.
UNWRITTEN = Storage()

# Counts down, because the heap of the backward walk gives the smallest first, and the latest node is to run first.
recorded_order = itertools.count(0, -1)


# The nodes that have notes, by their `id`; with EVERY_NODE as a key, whatever runs is watched. The walk pays one look here.
watched: dict[int, Any] = {}
EVERY_NODE = 0
# The same for leaves, whose notes are those of the node that stands for the leaf in a graph.
noted_leaves: dict[int, Any] = {}

# What is told of every node that is recorded: what packs saved values, and what notes the place in the program.
observers: list[Callable[[Any], None]] = []


class Hooks(dict[int, Callable[..., Any]]):
    """Hooks by the order in which they were registered."""

    __slots__ = ("__weakref__",)
    numbers = itertools.count()

    def add(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Register a hook, after those that are there. The same one may be registered several times."""
        handle = RemovableHandle(self)
        handle.id = next(Hooks.numbers)  # torch's own count is not for several threads
        self[handle.id] = hook
        return handle


class Notes:
    """What few nodes have: hooks on their outputs' gradients, hooks before and after they run, and the users' metadata."""

    __slots__ = ("accumulated", "after", "before", "metadata", "tensor")

    def __init__(self) -> None:
        self.tensor: dict[int, Hooks] = {}  # by the number of the output
        self.before = Hooks()
        self.after = Hooks()
        self.accumulated = Hooks()  # of a leaf, after its `grad` was updated
        self.metadata: dict[str, Any] = {}


class Node:
    """A step of the recorded program: takes gradients of its outputs, gives gradients along its edges.

    `outputs` are the shape and dtype of each output. A node is always recorded after the nodes its edges lead to. The backward walk relies on that.
    """

    # `notes` is absent from most nodes. They are on the node, so that what hooks refer to lives and dies with it.
    __slots__ = ("__weakref__", "edges", "notes", "order", "outputs")
    notes: Notes

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
        return tuple((None, 0) if edge is None else (edge[0].shown(), edge[1]) for edge in self.edges)

    def shown(self) -> Node:
        """The node as users see it."""
        return self

    def rename(self, name: str) -> None:
        """Give the node a name, if it is one that may have any."""

    def gradients(self, cotangents: Gradients, needed: set[Node] | None, create_graph: bool) -> Gradients:
        """The gradient for each edge; None where there is none, or where the target is not in `needed`."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of the saved values: the pass that has just run does not retain the graph."""

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Run `hook(grad_inputs, grad_outputs)` after this node in each pass. A tuple that it returns replaces the first."""
        return noted(self).after.add(hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Run `hook(grad_outputs)` before this node in each pass. A tuple that it returns replaces them."""
        return noted(self).before.add(hook)

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary for whatever users want to note. In anomaly mode, where the node was recorded is in it."""
        return noted(self).metadata

    def __repr__(self) -> str:
        return f"<{self.name().rpartition(':')[2]} object at {id(self):#x}>"


def noted(node: Node, notes: Notes | None = None) -> Notes:
    """The notes of a node, which has some from now on, if need be those given."""
    present: Notes | None = getattr(node, "notes", None)
    if present is None:
        present = node.notes = Notes() if notes is None else notes
        while_alive(watched, node)
    return present


def while_alive(among: dict[int, Any], x: Any) -> None:
    """Count an object among others as long as it lives."""
    key = id(x)
    among[key] = weakref.ref(x, lambda _: among.pop(key, None))


def save(value: Any) -> Saved:
    """Keep an operand for a derivative: a tensor with the version it has now, or a number."""
    if isinstance(value, Tensor):
        return value._data, value._storage, value._storage.version
    return value, UNWRITTEN, 0


class Packed:
    """A saved value as a user's hook keeps it."""

    __slots__ = ("kept", "storage", "unpack_hook", "version")

    def __init__(self, kept: Any, unpack_hook: Callable[[Any], Tensor], storage: Storage) -> None:
        self.kept = kept
        self.unpack_hook = unpack_hook
        self.storage = storage
        self.version = storage.version

    def unpack(self) -> torch.Tensor:
        """The value. TypeError: the hook returned no tensor. RuntimeError: it is the one saved, and was written since."""
        value = self.unpack_hook(self.kept)
        if not isinstance(value, Tensor):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(value).__name__}"
            )
        return unchanged(value._data, value._storage, self.version) if value._storage is self.storage else value._data


def conjugate(value: Any) -> Any:
    """The complex conjugate of a tensor or number; anything else as it is."""
    if isinstance(value, (torch.Tensor, Tensor)):
        return value.conj() if value.is_complex() else value
    return value.conjugate() if isinstance(value, complex) else value


def observe(node: Node) -> None:
    """Tell whom it concerns of a node that was recorded."""
    for observer in tuple(observers):
        observer(node)


def unchanged(data: torch.Tensor, storage: Storage, version: int) -> torch.Tensor:
    """A saved value. RuntimeError: its memory was written since."""
    if storage.version != version:
        refuse_modified(data, storage, version)
    return data


def refuse_modified(data: torch.Tensor, storage: Storage, version: int, origin: Edge | None = None) -> None:
    """Report that the memory of a saved value was written since the value was saved; `origin` is what computed it."""
    maker = (
        f", which is output {origin[1]} of {origin[0].name().partition('Backward')[0]},"
        if origin and origin[0].edges
        else ""
    )
    raise RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{data.type()} {list(data.shape)}]{maker} is at version {storage.version}; expected version {version} instead. "
        "Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False). Write out of place, or to a clone()."
    )
