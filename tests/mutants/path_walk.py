"""A backward walk that visits a node once for each path that leads to it.

It is part of an engine, not of an adapter, which would be refused for the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_reference.accumulate import AccumulateGrad, accumulate
from autograd_reference.graph import edge_of


def walk_every_path(outputs: Sequence[Any], cotangents: Sequence[Any], most_visits: int | None) -> None:
    """Add the gradients of all leaves.  TimeoutError after `most_visits`; None: however many there are."""
    todo: list[Any] = [(edge_of(output), each._data) for output, each in zip(outputs, cotangents, strict=True)]
    visits = 0
    while todo:
        visits += 1
        if most_visits is not None and visits > most_visits:
            raise TimeoutError(f"more than {most_visits} visits")
        (node, position), gradient = todo.pop()
        gradient = gradient.sum_to_size(node.outputs[position][0])
        if isinstance(node, AccumulateGrad):
            accumulate(node.leaf, gradient, False)
        else:
            sent = zip(node.edges, node.gradients([gradient, False], None, False), strict=True)
            todo += [(edge, each) for edge, each in sent if edge is not None]
