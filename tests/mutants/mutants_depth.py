"""Mutants that cannot deal with deep graphs."""

from __future__ import annotations

from typing import Any

import pytest
from planting import mutant

from autograd_conformance.adapters.reference import Reference
from autograd_reference import backward as walking
from autograd_reference import shaping, views
from autograd_reference.graph import edge_of
from autograd_reference.node import Node
from autograd_reference.tensor import Tensor

SECOND_PASSES = ("backward.interleaved", "backward.second-pass", "backward.second-pass-error")


def node_of(root: Tensor) -> Node:
    """Where a pass from `root` starts."""
    edge = edge_of(root)
    assert edge is not None
    return edge[0]


@mutant(kills="backward.deep-chain", may_fail=("mem.no-cycles",))
class OrdersByRecursion(Reference):
    """The order of the walk is found by recursion over the graph."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        seen: set[Node] = set()

        def visit(node: Node) -> None:
            seen.add(node)
            for edge in node.edges:
                if edge is not None and edge[0] not in seen:
                    visit(edge[0])

        for output in outputs:
            visit(node_of(output))
        super().backward(outputs, cotangents)


# A second pass through what had nothing to release then leads nowhere.
@mutant(kills="backward.deep-chain", may_fail=("mem.leaf-kept-by-graph", *SECOND_PASSES))
class FreesByRecursion(Reference):
    """After a pass the graph is taken apart by recursion."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs, cotangents)
        for output in outputs:
            self._free(node_of(output))

    def _free(self, node: Node) -> None:
        edges, node.edges = node.edges, ()
        for edge in edges:
            if edge is not None:
                self._free(edge[0])


@mutant(kills="backward.deep-chain")
class FindsBaseByRecursion(Reference):
    """Building a view of a view finds the base by recursion over the views between."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def depth(view: views.View | None) -> int:
            return 0 if view is None else 1 + depth(view.parent)

        def alias(operator: Any, x: Tensor, *rest: Any, **keywords: Any) -> Tensor:
            depth(x._view)
            return views.alias(operator, x, *rest, **keywords)

        patch.setattr(shaping, "alias", alias)


@mutant(kills="backward.deep-chain")
class StopsAfterManyNodes(Reference):
    """The walk stops after 8,192 nodes and says nothing."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        class Impatient(walking.Pass):
            __slots__ = ("visits",)

            def __init__(self, create_graph: bool, retain: bool) -> None:
                super().__init__(create_graph, retain)
                self.visits = 0

            def visit(self, node: Node, cotangents: Any) -> None:
                self.visits += 1
                if self.visits <= 2**13:
                    super().visit(node, cotangents)

        patch.setattr(walking, "Pass", Impatient)
