"""Hooks: users' functions that see gradients on their way, and may replace them.

A hook on a tensor belongs to the value: to the node that computed it and the number of the output. So it stays with that
value when the tensor is written in place. On a leaf it belongs to the tensor, whose node comes and goes with the graphs.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from torch.utils.hooks import RemovableHandle

from . import anomaly
from .accumulate import fitted
from .constant import wrapped
from .graph import apart, edge_of, runs_on_tensors
from .modes import state
from .node import EVERY_NODE, Gradient, Hooks, Node, Notes, noted, noted_leaves, watched, while_alive
from .overlap import overlaps_itself
from .tensor import Tensor

if TYPE_CHECKING:
    from .backward import Pass

Hook = Callable[..., Any]


class Running(threading.local):
    """The pass whose hooks are being run in this thread."""

    walk: Pass | None = None
    node: Node | None = None


running = Running()


def register_hook(tensor: Tensor, hook: Hook) -> RemovableHandle:
    """Run `hook(gradient)` in each pass when the tensor's gradient is complete. A tensor it returns replaces the gradient.

    Hooks run in the order of registration. RuntimeError: the tensor requires no gradient; in a pass, a replacement of
    another shape, dtype or device. TypeError in a pass: a replacement that is no tensor.
    """
    notes = notes_of(tensor)
    return notes.tensor.setdefault(tensor.output_nr, Hooks()).add(hook)


def register_post_accumulate_grad_hook(tensor: Tensor, hook: Hook) -> RemovableHandle:
    """Run `hook(leaf)` after each pass that has added to the `grad` of this leaf. It returns nothing.

    RuntimeError: the tensor requires no gradient, or is no leaf.
    """
    notes = notes_of(tensor)
    if tensor.grad_fn is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return notes.accumulated.add(hook)


def notes_of(tensor: Tensor) -> Notes:
    """Where the hooks of a tensor are kept."""
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    notes = noted(edge[0])
    if tensor._edge is None:
        tensor._notes = notes
        while_alive(noted_leaves, tensor)
    return notes


class Handles(RemovableHandle):
    """Removes several hooks at once."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = handles

    def remove(self) -> None:
        """None of them runs any more."""
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Hook, *, mode: str = "all") -> Handles:
    """In each pass run `fn` once: with the gradients of all tensors, None where there is none, after the last of those that
    the pass reaches; or, with mode "any", with the first gradient. What it returns is ignored.

    ValueError: another mode. RuntimeError: a tensor that requires no gradient.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    edges = [edge_of(tensor) for tensor in tensors]
    nodes = [edge[0] for edge in edges if edge is not None]
    # Of each pass, how many gradients are yet to come, and those that have.
    passes: weakref.WeakKeyDictionary[Pass, list[Any]] = weakref.WeakKeyDictionary()
    lock = threading.Lock()

    def note(position: int, gradient: Tensor | None) -> None:
        walk, node = running.walk, running.node
        assert walk is not None and node is not None
        with lock:
            # What a pass has yet to reach counts when the first hook runs: nothing of it can have been run then.
            if is_first := walk not in passes:
                expected = walk.beyond(node)
                passes[walk] = [sum(each in expected for each in nodes), *[None] * len(tensors)]
            arrived = passes[walk]
            arrived[0] -= 1
            arrived[1 + position] = gradient
            is_last = arrived[0] == 0
        if is_first if mode == "any" else is_last:
            fn(gradient if mode == "any" else arrived[1:])

    return Handles([register_hook(tensor, partial(note, position)) for position, tensor in enumerate(tensors)])


def run_tensor_hooks(walk: Pass, node: Node, arrived: list[Any]) -> None:
    """Run the hooks on a node's outputs on what has arrived there."""
    previous, (running.walk, running.node) = (running.walk, running.node), (walk, node)
    try:
        for position, hooks in list(node.notes.tensor.items()):
            if hooks and arrived[position] is not None and not arrived[-1]:
                arrived[position] = lent(arrived[position])
            for hook in list(hooks.values()):
                arrived[position] = replaced(hook, arrived[position], hook(wrapped(arrived[position])))
            arrived[-1] = arrived[-1] and not hooks  # a hook may have kept what it was given
    finally:
        running.walk, running.node = previous


def lent(gradient: Gradient) -> Gradient:
    """A gradient for a hook, in memory of its own: written in place, it leaves other branches alone.

    One that is repeated by broadcasting stays so: writing that in place is refused anyway.
    """
    raw = gradient._data if isinstance(gradient, Tensor) else gradient
    return gradient if overlaps_itself(raw) else apart(gradient)


def replaced(hook: Hook, gradient: Gradient | None, result: Any) -> Gradient | None:
    """What is to travel on, after a hook has seen the gradient and has returned a result."""
    if result is None:
        return gradient
    if not isinstance(result, Tensor):
        raise TypeError(f"expected Variable, but hook returned {type(result).__name__!r}")
    for what in ("shape", "dtype", "device"):
        if gradient is not None and getattr(gradient, what) != getattr(result, what):
            raise RuntimeError(
                f"hook {named(hook)} has changed the {'size' if what == 'shape' else 'type'} of value (was "
                f"{getattr(gradient, what)} got {getattr(result, what)})"
            )
    return unwrapped(result)


def named(hook: Hook) -> str:
    """A hook in an error."""
    return repr(getattr(hook, "__name__", repr(hook)))


def unwrapped(gradient: Tensor) -> Gradient:
    """A user's gradient in the form that the pass has."""
    return gradient if state.enabled or runs_on_tensors() else gradient._data


def run_watched(walk: Pass, node: Node, arrived: list[Any]) -> Sequence[Gradient | None]:
    """Run a node with its hooks before and after, and checked in anomaly mode."""
    notes: Notes | None = getattr(node, "notes", None)
    for hook in () if notes is None else list(notes.before.values()):
        arrived[:-1] = exchanged(hook, (), arrived[:-1])
        arrived[-1] = False
    given = arrived[:-1]
    if EVERY_NODE in watched:
        gradients = anomaly.run(node, arrived, walk.needed, walk.create_graph)
    else:
        gradients = node.gradients(arrived, walk.needed, walk.create_graph)
    if notes is None or not notes.after:
        return gradients
    pairs = zip(gradients, node.edges, strict=True)
    gradients = [None if g is None or edge is None else fitted(g, *edge[0].outputs[edge[1]]) for g, edge in pairs]
    for hook in list(notes.after.values()):
        gradients = exchanged(hook, (wrapped(tuple(given)),), gradients)
    arrived[:] = [*gradients, False]  # whatever hooks return may be anybody's memory, and counts as borrowed
    return gradients


def exchanged(hook: Hook, others: tuple[Any, ...], gradients: Sequence[Gradient | None]) -> list[Gradient | None]:
    """The gradients, or those that a hook on a node returns in their place."""
    result = hook(wrapped(tuple(gradients)), *others)
    if result is None:
        return list(gradients)
    if not isinstance(result, tuple):
        raise TypeError(f"expected tuple, but hook returned {type(result).__name__!r}")
    if len(result) != len(gradients):
        raise RuntimeError(
            f"hook {named(hook)} has returned an incorrect number of values (got {len(result)}, but expected {len(gradients)})"
        )
    return [None if new is None else replaced(hook, g, new) for g, new in zip(gradients, result, strict=True)]
