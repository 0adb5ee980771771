"""The graph as users see it, under the names that PyTorch has in `torch.autograd.graph`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..draw import draw
from ..graph import edge_of
from ..hooks import register_multi_grad_hook
from ..missing import missing_from
from ..node import Node
from ..saved import allow_mutation_on_saved_tensors, disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks
from ..tensor import Tensor

__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "draw", "get_gradient_edge",
    "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip
__getattr__ = missing_from(globals())


class GradientEdge(NamedTuple):
    """A place in the graph. `backward` and `grad` take it in place of the tensor there, which may be gone."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Where the gradient of a tensor is sent. RuntimeError: it requires none."""
    if (edge := edge_of(tensor)) is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*edge)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Say that the memory of a tensor, or of several, was written by means that the engine does not see."""
    for each in (tensor,) if isinstance(tensor, Tensor) else tensor:
        each._storage.version += 1
