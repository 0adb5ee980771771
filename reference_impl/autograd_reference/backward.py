"""The backward walk: from the roots along the edges, latest node first, each node once with its complete gradient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import torch

from .accumulate import AccumulateGrad, accumulate, at_home, fitted, keep, own, retaining
from .graph import apart, runs_on_tensors
from .hooks import run_tensor_hooks, run_watched
from .modes import state
from .node import Edge, Gradient, Node, watched
from .tensor import Tensor

# The gradients that have arrived at a node, one for each output or None; and, last, whether they are in memory that
# nothing but the pass refers to, so that they may be added to, and kept. That is only claimed of a single output.
Arrived = list[Any]


class Pass:
    """One backward pass. All its state is here and none on the nodes, so passes may overlap.

    A node is recorded after the nodes that its edges lead to. So when the latest node that has received a gradient is
    taken, everything that could still send it one has been taken before: its gradient is complete, and no counting of
    dependencies is needed.
    """

    __slots__ = ("__weakref__", "arrived", "captured", "create_graph", "enabled", "heap", "needed", "retain", "targets")

    def __init__(self, create_graph: bool, retain: bool) -> None:
        self.enabled = create_graph
        # Inside a level of forward mode, gradients are tensors that have tangents.
        self.create_graph = create_graph or runs_on_tensors()
        self.retain = retain
        # With targets, their gradients are captured, nothing is accumulated, and only nodes on the way are run.
        self.targets: set[Node] = set()
        self.needed: set[Node] | None = None
        self.captured: dict[Node, Arrived] = {}
        self.heap: list[tuple[int, Node]] = []
        self.arrived: dict[Node, Arrived] = {}

    def aim(self, roots: Iterable[Edge], targets: Iterable[Edge]) -> None:
        """Restrict the pass to the nodes from which a target can be reached."""
        self.targets = {node for node, _ in targets}
        self.needed = set(self.targets)
        for node in sorted(reachable(roots), key=by_age):
            if self.leads_on(node):
                self.needed.add(node)

    def leads_on(self, node: Node) -> bool:
        """Whether a target lies beyond this node."""
        assert self.needed is not None
        return any(edge is not None and edge[0] in self.needed for edge in node.edges)

    def send(self, edge: Edge, gradient: Gradient, exclusive: bool, cotangents: Arrived | None = None) -> None:
        """Add a gradient, which was computed from cotangents, to what has arrived at the end of an edge."""
        node, position = edge
        outputs = node.outputs
        shape, dtype = outputs[position]
        if gradient.shape != shape or gradient.dtype is not dtype:
            given, gradient = gradient, fitted(gradient, shape, dtype)
            exclusive = exclusive or (not self.create_graph and is_fresh(gradient, [given, None]))
        arrived = self.arrived.get(node)
        if arrived is None:
            heappush(self.heap, (node.order, node))
            if len(outputs) == 1:
                # Whose memory it is only matters to the first, and where gradients are kept, or can be passed on undivided.
                if not exclusive and cotangents is not None and len(node.edges) < 2 and not self.create_graph:
                    exclusive = is_fresh(gradient, cotangents)
                self.arrived[node] = [gradient, exclusive]
                return
            arrived = self.arrived[node] = [None] * len(outputs) + [False]
        present = arrived[position]
        if present is None:
            arrived[position] = gradient
            arrived[-1] = exclusive and len(outputs) == 1
        elif arrived[-1] and present.is_contiguous():
            present.add_(gradient)
        else:
            arrived[position] = present + gradient
            arrived[-1] = len(outputs) == 1 and not self.create_graph

    def run(self) -> None:
        """Take nodes until none is left, latest first."""
        heap, arrived, targets = self.heap, self.arrived, self.targets
        keeping = bool(retaining) and not targets
        enabled, state.enabled = state.enabled, self.enabled
        try:
            while heap:
                node = heappop(heap)[1]
                cotangents = arrived.pop(node)
                if is_noted := watched and id(node) in watched:
                    run_tensor_hooks(self, node, cotangents)
                if keeping and node in retaining:
                    keep(node, cotangents)
                if targets and node in targets:
                    self.capture(node, cotangents)
                elif type(node) is not AccumulateGrad or is_noted:
                    self.visit(node, cotangents)
                elif node.leaf._requires_grad:
                    accumulate(node.leaf, cotangents[0], cotangents[-1])
        finally:
            state.enabled = enabled

    def beyond(self, node: Node) -> set[Node]:
        """The nodes that the pass is yet to run, from this one on."""
        found = reachable([(node, 0), *((each, 0) for _, each in self.heap)])
        return found if self.needed is None else found & self.needed

    def capture(self, node: Node, cotangents: Arrived) -> None:
        """Keep the gradients of a target. If they also travel on, they are no longer the pass's alone."""
        self.captured[node] = cotangents
        if self.leads_on(node):
            cotangents[-1] = False
            self.visit(node, cotangents.copy())

    def visit(self, node: Node, cotangents: Arrived) -> None:
        """Run one node and send on what it gives."""
        if watched:
            gradients = run_watched(self, node, cotangents)
        else:
            gradients = node.gradients(cotangents, self.needed, self.create_graph)
        if not self.retain:
            node.release()
        undivided = cotangents[-1] and len(gradients) == 1
        for edge, gradient in zip(node.edges, gradients):  # noqa: B905 - as in graph.py
            if gradient is not None and edge is not None:
                self.send(edge, gradient, undivided, cotangents)


def is_fresh(gradient: torch.Tensor, cotangents: Arrived) -> bool:
    """Whether a gradient that a rule returned is in memory of its own.

    A rule is linear in the cotangents, so they are all that its result can share memory with.
    """
    memory = gradient.untyped_storage().data_ptr()
    for cotangent in cotangents[:-1]:
        if cotangent is not None and cotangent.untyped_storage().data_ptr() == memory:
            return False
    return True


def by_age(node: Node) -> int:
    """The sorting key that puts earlier nodes first."""
    return -node.order


def reachable(roots: Iterable[Edge]) -> set[Node]:
    """All the nodes that a pass from the roots can reach."""
    todo = [node for node, _ in roots]
    found = set(todo)
    while todo:
        for edge in todo.pop().edges:
            if edge is not None and edge[0] not in found:
                found.add(edge[0])
                todo.append(edge[0])
    return found


def accumulate_gradients(
    roots: Sequence[tuple[Edge, Gradient]],
    retain: bool,
    create_graph: bool,
) -> None:
    """A pass that adds to the `grad` of every leaf it reaches."""
    walk = Pass(create_graph, retain)
    for edge, gradient in roots:
        walk.send(edge, gradient, False)
    walk.run()


def capture_gradients(
    roots: Sequence[tuple[Edge, Gradient]], targets: Sequence[tuple[Tensor, Edge]], retain: bool, create_graph: bool
) -> list[Gradient | None]:
    """A pass that returns the gradients that arrive at the targets, each in memory of its own; None if none does."""
    walk = Pass(create_graph, retain)
    walk.aim([edge for edge, _ in roots], [edge for _, edge in targets])
    assert walk.needed is not None
    for edge, gradient in roots:
        if edge[0] in walk.needed:  # a root from which no target is reached may be a leaf, and must not accumulate
            walk.send(edge, gradient, False)
    walk.run()
    results: list[Gradient | None] = []
    for tensor, (node, position) in targets:
        arrived = walk.captured.get(node)
        gradient = None if arrived is None else arrived[position]
        if arrived is not None and gradient is not None:
            gradient = gradient if tensor.ndim else at_home(gradient, tensor)
            gradient = apart(gradient) if walk.create_graph else own(gradient, tensor._data, arrived[-1])
            arrived[-1] = False  # a target that is named twice gets two gradients
        results.append(gradient)
    return results
