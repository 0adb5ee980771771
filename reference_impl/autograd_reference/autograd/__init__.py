"""`backward` and `grad`: what they accept, and what they refuse before anything has been changed."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch

from .. import modes as grad_mode  # noqa: F401 - a name that torch.autograd has
from ..accumulate import AccumulateGrad, accumulate, run_accumulated
from ..anomaly import detect_anomaly as detect_anomaly
from ..anomaly import set_detect_anomaly as set_detect_anomaly
from ..backward import accumulate_gradients, capture_gradients, reachable
from ..caller import warn
from ..graph import edge_of, runs_on_tensors
from ..missing import missing_from
from ..modes import enable_grad as enable_grad
from ..modes import inference_mode as inference_mode
from ..modes import no_grad as no_grad
from ..modes import set_grad_enabled as set_grad_enabled
from ..node import Edge, Gradient
from ..shaping import stack
from ..tensor import Tensor
from . import function as function
from . import graph as graph
from .function import Function as Function
from .graph import GradientEdge

Place = Tensor | GradientEdge
Tensors = Place | Sequence[Place]
Gradients = Tensor | Sequence[Tensor | None] | None


def backward(
    tensors: Tensors, grad_tensors: Gradients = None, retain_graph: bool | None = None, create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:  # fmt: skip
    """Add the gradients of the roots `tensors`, weighted by `grad_tensors`, to the `grad` of the leaves.

    Any of the tensors may be given as a `GradientEdge`. `grad_tensors` has a tensor of the root's shape for each root, or
    None for a real root of one element, which means one. With `inputs` only these tensors, leaves or not, accumulate. Saved
    values are released unless `retain_graph`, which defaults to `create_graph`; with that the pass is recorded, and the
    gradients have a history of their own.

    RuntimeError: a root that requires no gradient, a missing gradient, one of another shape, another number of gradients
    than of roots, empty `inputs`, saved values that were released or overwritten. TypeError: a gradient that is no tensor.
    """
    roots = roots_of(as_sequence(tensors), grad_tensors, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        if create_graph:
            warn(
                "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
                "gradient which can cause a memory leak. Use autograd.grad, or reset .grad to None after use."
            )
        accumulate_gradients(roots, retain, create_graph)
        return
    if not (named := list({id(x): x for x in as_sequence(inputs)}.values())):
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    if any(isinstance(each, GradientEdge) and not isinstance(each.node, AccumulateGrad) for each in named):
        raise RuntimeError(
            "backward: only the GradientEdge of a leaf may be named in `inputs`; others have no `grad`. Use grad."
        )
    targets = targets_of(named)
    for (tensor, _), gradient in zip(targets, capture_gradients(roots, targets, retain, create_graph), strict=True):
        if gradient is not None:
            accumulate(tensor, gradient, True)
            run_accumulated(tensor)


def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Gradients = None, retain_graph: bool | None = None,
    create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
    is_grads_batched: bool = False, materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """The gradients of the outputs, weighted by `grad_outputs`, with respect to each input, leaf or not.

    No `grad` is changed. An input that the outputs do not depend on is a RuntimeError, or has None with `allow_unused`,
    or zeros with `materialize_grads`. With `is_grads_batched` each of `grad_outputs` has a leading dimension, and so has each
    result: a pass for each position. `only_inputs` changes nothing. The other arguments and errors are those of `backward`.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    named = as_sequence(inputs)
    if not named:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    retain = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        options = {"create_graph": create_graph, "allow_unused": allow_unused, "materialize_grads": materialize_grads}
        return batched(as_sequence(outputs), named, grad_outputs, retain, options)
    roots = roots_of(as_sequence(outputs), grad_outputs, create_graph)
    targets = targets_of(named)
    results: list[Tensor | None] = []
    for (tensor, _), gradient in zip(targets, capture_gradients(roots, targets, retain, create_graph), strict=True):
        if gradient is None and materialize_grads:
            gradient = torch.zeros_like(tensor._data)
        if gradient is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {len(results)} appears to not have been used in the graph. Set "
                "allow_unused=True if this is the desired behavior."
            )
        results.append(Tensor(gradient) if isinstance(gradient, torch.Tensor) else gradient)
    return tuple(results)


def batched(
    outputs: Sequence[Place], inputs: Sequence[Place], gradients: Gradients, retain: bool, options: dict[str, Any]
) -> tuple[Tensor | None, ...]:
    """The results of `grad` for each position of the gradients' first dimension, stacked."""
    given: Sequence[Any] = gradients_of(outputs, gradients)
    lengths = {0 if gradient is None or not gradient.ndim else len(gradient) for gradient in given}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            "is_grads_batched: expected for each output a gradient with a leading dimension, of one length above 0 for "
            f"all; got the lengths {sorted(lengths)}"
        )
    rows = list(zip(*given, strict=True))
    results = [grad(outputs, inputs, row, retain or row is not rows[-1], **options) for row in rows]
    return tuple(None if column[0] is None else stack(column) for column in zip(*results, strict=True))


def backward_method(
    tensor: Tensor, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:  # fmt: skip
    """`backward` with this tensor as the only root."""
    backward((tensor,), (gradient,), retain_graph, create_graph, inputs)


def as_sequence(tensors: Tensors) -> Sequence[Place]:
    """One tensor as a sequence of one."""
    return (tensors,) if isinstance(tensors, (Tensor, GradientEdge)) else tuple(tensors)


def located(place: Place, refusal: str) -> tuple[Tensor, Edge]:
    """A tensor, or one of the shape, dtype and device of what was there; and the edge. RuntimeError: there is none."""
    edge = edge_of(place) if isinstance(place, Tensor) else place[:2]
    if edge is None:
        raise RuntimeError(refusal)
    if isinstance(place, Tensor):
        return place, edge
    if isinstance(place.node, AccumulateGrad):
        return place.node.leaf, edge
    shape, dtype = place.node.outputs[place.output_nr]
    devices = {node.leaf.device for node in reachable([edge]) if isinstance(node, AccumulateGrad)}
    return Tensor(torch.zeros((), dtype=dtype, device=devices.pop() if devices else None).expand(shape)), edge


def roots_of(places: Sequence[Place], gradients: Gradients, create_graph: bool) -> list[tuple[Edge, Gradient]]:
    """Where the pass starts, and with what."""
    given = gradients_of(places, gradients)
    roots = []
    for position, (place, gradient) in enumerate(zip(places, given, strict=True)):
        refusal = f"element {position} of tensors does not require grad and does not have a grad_fn"
        tensor, edge = located(place, refusal)
        cotangent = implicit_one(tensor) if gradient is None else explicit(tensor, gradient, position)
        roots.append((edge, cotangent if create_graph or runs_on_tensors() else cotangent._data))
    return roots


def gradients_of(tensors: Sequence[Place], gradients: Gradients) -> Sequence[Tensor | None]:
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


def explicit(tensor: Tensor, gradient: Tensor, position: int) -> Tensor:
    """The caller's gradient. Another real dtype is cast when it is sent."""
    if gradient.shape != tensor.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{position}] has a shape of {gradient.shape} and output[{position}] has a shape of "
            f"{tensor.shape}."
        )
    if gradient.device != tensor.device:
        raise RuntimeError(f"invalid gradient - expected device {tensor.device} but got {gradient.device}")
    if gradient.is_complex() != tensor.is_complex():
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{position}] has a dtype of {gradient.dtype} and output[{position}] has a dtype of {tensor.dtype}."
        )
    return gradient


def targets_of(inputs: Sequence[Place]) -> list[tuple[Tensor, Edge]]:
    """The inputs with the edges that lead to them."""
    for place in inputs:
        if not isinstance(place, (Tensor, GradientEdge)):
            raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(place).__name__}")  # noqa: TRY004
    return [located(place, "One of the differentiated Tensors does not require grad") for place in inputs]


set_multithreading_enabled = nullcontext  # a pass runs in the thread that asks for it, in any case


class Variable(abc.ABC):  # noqa: B024 - so that all tensors can be its instances
    """What a tensor with gradients was called of old. The class gives a leaf over a tensor's memory."""

    def __new__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:  # type: ignore[misc]
        return data.detach().requires_grad_(requires_grad)


Variable.register(Tensor)

# These stand on what is above.
from . import forward_ad as forward_ad
from . import functional as functional
from .gradcheck import gradcheck as gradcheck
from .gradcheck import gradgradcheck as gradgradcheck

__getattr__ = missing_from(globals())
