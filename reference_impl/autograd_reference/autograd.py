"""`backward` and `grad`: what they accept, and what they refuse before anything has been changed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch

from .accumulate import accumulate
from .backward import accumulate_gradients, capture_gradients
from .graph import edge_of
from .node import Edge, Gradient
from .tensor import Tensor

Tensors = Tensor | Sequence[Tensor]
Gradients = Tensor | Sequence[Tensor | None] | None


def backward(
    tensors: Tensors,
    grad_tensors: Gradients = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of the roots `tensors`, weighted by `grad_tensors`, to the `grad` of the leaves.

    `grad_tensors` has a tensor of the root's shape for each root, or None for a real root of one element, which means
    one. With `inputs` only these tensors, leaves or not, accumulate. Saved values are released unless `retain_graph`,
    which defaults to `create_graph`; with that the pass is recorded, and the gradients have a history of their own.

    RuntimeError: a root that requires no gradient, a missing gradient, one of another shape, another number of gradients
    than of roots, empty `inputs`, saved values that were released or overwritten. TypeError: a gradient that is no tensor.
    """
    roots = roots_of(as_sequence(tensors), grad_tensors, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        if create_graph:
            warnings.warn(
                "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
                "gradient which can cause a memory leak. Use autograd.grad, or reset .grad to None after use.",
                UserWarning,
                stacklevel=2,
            )
        accumulate_gradients(roots, retain, create_graph)
        return
    if not (named := list({id(x): x for x in as_sequence(inputs)}.values())):
        raise RuntimeError("`inputs` argument to `backward` cannot be empty.")
    targets = targets_of(named)
    for tensor, gradient in zip(named, capture_gradients(roots, targets, retain, create_graph), strict=True):
        if gradient is not None:
            accumulate(tensor, gradient, True)


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Gradients = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs, weighted by `grad_outputs`, with respect to each input, leaf or not.

    No `grad` is changed. An input that the outputs do not depend on is a RuntimeError, or has None with `allow_unused`,
    or zeros with `materialize_grads`. The other arguments and errors are those of `backward`.
    """
    if is_grads_batched:
        raise NotImplementedError("is_grads_batched")
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True.")
    named = as_sequence(inputs)
    if not named:
        raise RuntimeError("grad requires non-empty inputs.")
    roots = roots_of(as_sequence(outputs), grad_outputs, create_graph)
    targets = targets_of(named)
    retain = create_graph if retain_graph is None else retain_graph
    results = []
    for tensor, gradient in zip(named, capture_gradients(roots, targets, retain, create_graph), strict=True):
        if gradient is None and materialize_grads:
            gradient = torch.zeros_like(tensor._data)
        if gradient is None and not allow_unused:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
                "this is the desired behavior."
            )
        results.append(Tensor(gradient) if isinstance(gradient, torch.Tensor) else gradient)
    return tuple(results)


def backward_method(
    tensor: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """`backward` with this tensor as the only root."""
    backward((tensor,), (gradient,), retain_graph, create_graph, inputs)


def as_sequence(tensors: Tensors) -> Sequence[Tensor]:
    """One tensor as a sequence of one."""
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)


def roots_of(tensors: Sequence[Tensor], gradients: Gradients, create_graph: bool) -> list[tuple[Edge, Gradient]]:
    """Where the pass starts, and with what."""
    given = gradients_of(tensors, gradients)
    roots = []
    for position, (tensor, gradient) in enumerate(zip(tensors, given, strict=True)):
        edge = edge_of(tensor)
        if edge is None:
            raise RuntimeError(f"element {position} of tensors does not require grad and does not have a grad_fn")
        cotangent = implicit_one(tensor) if gradient is None else explicit(tensor, gradient)
        roots.append((edge, cotangent if create_graph else cotangent._data))
    return roots


def gradients_of(tensors: Sequence[Tensor], gradients: Gradients) -> Sequence[Tensor | None]:
    """One gradient, or None, for each root."""
    if gradients is None:
        return (None,) * len(tensors)
    given: Sequence[Any] = (gradients,) if isinstance(gradients, Tensor) else tuple(gradients)
    for gradient in given:
        if gradient is not None and not isinstance(gradient, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    if len(given) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(given)} gradients")
    return given


def implicit_one(tensor: Tensor) -> Tensor:
    """The gradient of a real root of one element."""
    if tensor.numel() != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if tensor.is_complex():
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {tensor.dtype}")
    return Tensor(torch.ones_like(tensor._data))


def explicit(tensor: Tensor, gradient: Tensor) -> Tensor:
    """The caller's gradient. Another real dtype is cast when it is sent."""
    if gradient.shape != tensor.shape:
        raise RuntimeError(
            f"Mismatch in shape: a gradient has a shape of {gradient.shape} and its output has a shape of {tensor.shape}."
        )
    if gradient.is_complex() != tensor.is_complex():
        raise RuntimeError("For complex Tensors, both the gradient and the output must be complex.")
    return gradient


def targets_of(inputs: Sequence[Tensor]) -> list[tuple[Tensor, Edge]]:
    """The inputs with the edges that lead to them."""
    targets = []
    for tensor in inputs:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"inputs must be Tensors, but got {type(tensor).__name__}")
        edge = edge_of(tensor)
        if edge is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        targets.append((tensor, edge))
    return targets
