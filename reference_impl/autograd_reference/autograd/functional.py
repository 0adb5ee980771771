"""Derivatives of functions: `vjp`, `jvp`, `jacobian`, `hessian`, `hvp`, `vhp`.

Inputs and outputs are a tensor or a tuple of tensors, and results have the same structure. With `create_graph` the results
can be differentiated with respect to the inputs; without, they are constants. What does not depend on an input has zeros
for a derivative, and with `strict` is a RuntimeError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..missing import missing_from
from ..modes import enable_grad
from ..shaping import reshape, stack
from ..tensor import Tensor
from . import grad

Tensors = Tensor | tuple[Tensor, ...]
Function = Callable[..., Any]
__getattr__ = missing_from(globals())


def as_tuple(tensors: Any, what: str) -> tuple[Tensor, ...]:
    """A tensor or several as several. TypeError for anything else."""
    found = tensors if isinstance(tensors, tuple) else tuple(tensors) if isinstance(tensors, list) else (tensors,)
    for each in found:
        if not isinstance(each, Tensor):
            raise TypeError(f"The {what} must be a Tensor or a tuple of Tensors, but got {type(each).__name__}")
    return found


def like(tensors: Any, results: Sequence[Any]) -> Any:
    """The results in the structure of the tensors."""
    return tuple(results) if isinstance(tensors, (tuple, list)) else results[0]


def own_leaves(inputs: Any, create_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as tensors that only this derivative uses: aliases with a history, or leaves."""
    return tuple(
        x.expand_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in as_tuple(inputs, "inputs")
    )


def called(func: Function, xs: Sequence[Tensor], strict: bool) -> tuple[Any, tuple[Tensor, ...]]:
    """What a function gives, as it is and as a tuple."""
    outputs = func(*xs)
    ys = as_tuple(outputs, "outputs of the user-provided function")
    for number, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(
                f"Output {number} of the user-provided function does not require gradients, in strict mode."
            )
    return outputs, ys


def vector(v: Any, like_these: Sequence[Tensor], what: str) -> tuple[Tensor, ...]:
    """The vector of a product, checked; ones for a single element if it is not given."""
    if v is None:
        if len(like_these) != 1 or like_these[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if the {what} has a single element.")
        return (Tensor(torch.ones_like(like_these[0]._data)),)
    vs = as_tuple(v, "vector v")
    if len(vs) != len(like_these) or any(a.shape != b.shape for a, b in zip(vs, like_these, strict=False)):
        raise RuntimeError(
            f"v: expected shapes {[list(x.shape) for x in like_these]}, those of the {what}, got {[list(x.shape) for x in vs]}"
        )
    return vs


def derivatives(
    ys: Sequence[Tensor], xs: Sequence[Tensor], vs: Sequence[Tensor] | None, create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    """v^T J, with zeros where nothing depends on an input."""
    weights: Sequence[Tensor | None] = vs or [None] * len(ys)
    live = [(y, v) for y, v in zip(ys, weights, strict=True) if y.requires_grad]
    found: Sequence[Tensor | None] = [None] * len(xs)
    if live:
        found = grad([y for y, _ in live], xs, [v for _, v in live], True, create_graph, allow_unused=True)
    results = []
    for number, (x, gradient) in enumerate(zip(xs, found, strict=True)):
        if strict and (gradient is None or (create_graph and not gradient.requires_grad)):
            raise RuntimeError(
                f"The output is independent of input {number}, or its derivative is, which is not allowed in strict mode."
            )
        results.append(Tensor(torch.zeros_like(x._data)) if gradient is None else gradient)
    return tuple(results)


def pushed(
    ys: Sequence[Tensor], xs: Sequence[Tensor], vs: Sequence[Tensor], create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    """J v. u^T J is linear in u, and J v is its derivative by u along v."""
    us = [Tensor(torch.zeros_like(y._data)).requires_grad_() for y in ys]
    products = derivatives(derivatives(ys, xs, us, True, strict), us, vs, create_graph, False)
    for u in us:
        u.requires_grad_(False)
    return products


def gradient(ys: Sequence[Tensor], xs: Sequence[Tensor], strict: bool) -> tuple[Tensor, ...]:
    """The gradient of a single element, which can be differentiated again."""
    if len(ys) != 1 or ys[0].numel() != 1:
        raise RuntimeError("The function must return a single Tensor with a single element.")
    return derivatives([ys[0].reshape(())], xs, None, True, strict)


def by_rows(y: Tensor, xs: Sequence[Tensor], create_graph: bool, strict: bool) -> list[Tensor]:
    """The Jacobians of one output by all inputs: a backward pass for each element."""
    ones = torch.eye(y.numel(), dtype=y.dtype, device=y.device).reshape(-1, *y.shape)
    rows = [derivatives([y], xs, [Tensor(one)], create_graph, strict) for one in ones]
    if not rows:
        return [Tensor(x._data.new_zeros((*y.shape, *x.shape))) for x in xs]
    return [reshape(stack(column), (*y.shape, *x.shape)) for column, x in zip(zip(*rows, strict=True), xs, strict=True)]


def finished(tensors: Any, results: Sequence[Tensor], create_graph: bool) -> Any:
    """Results as the caller sees them."""
    return like(tensors, results if create_graph else [each.detach() for each in results])


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), v^T J)`; v has the structure of the outputs, and may be left out for a single element."""
    with enable_grad():
        xs = own_leaves(inputs, create_graph)
        outputs, ys = called(func, xs, strict)
        products = derivatives(ys, xs, vector(v, ys, "output"), create_graph, strict)
    return finished(outputs, ys, create_graph), finished(inputs, products, create_graph)


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), J v)`; v has the structure of the inputs, and may be left out for a single element."""
    with enable_grad():
        xs = own_leaves(inputs, create_graph)
        outputs, ys = called(func, xs, strict)
        products = pushed(ys, xs, vector(v, xs, "input"), create_graph, strict)
    return finished(outputs, ys, create_graph), finished(outputs, products, create_graph)


def jacobian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """For each output and input a tensor of the output's shape followed by the input's.

    `vectorize` and `strategy` ("reverse-mode" or "forward-mode") are about speed, and change nothing here.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(f'strategy must be "reverse-mode" or "forward-mode", got {strategy!r}')
    with enable_grad():
        xs = own_leaves(inputs, create_graph)
        outputs, ys = called(func, xs, strict)
        rows = [by_rows(y, xs, create_graph, strict) for y in ys]
    return like(outputs, [finished(inputs, row, create_graph) for row in rows])


def hessian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian of the gradient, for a function of one element: for each two inputs a tensor of both shapes."""

    def gradients(*xs: Tensor) -> tuple[Tensor, ...]:
        return gradient(called(func, xs, strict)[1], xs, strict)

    given = as_tuple(inputs, "inputs")
    rows = jacobian(gradients, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return like(inputs, [like(inputs, row) for row in rows])


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), v^T H)`; v has the structure of the inputs, and may be left out for a single element."""
    with enable_grad():
        xs = own_leaves(inputs, create_graph)
        outputs, ys = called(func, xs, strict)
        products = derivatives(gradient(ys, xs, strict), xs, vector(v, xs, "input"), create_graph, strict)
    return finished(outputs, ys, create_graph), finished(inputs, products, create_graph)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), H v)`, which is v^T H, as second derivatives do not depend on their order."""
    return vhp(func, inputs, v, create_graph, strict)
