"""Derivatives of functions: `vjp`, `jvp`, `jacobian`, `hessian`, `hvp`, `vhp`.

Inputs and outputs are a tensor or a tuple of tensors, and results have the same structure. With `create_graph` the results
can be differentiated with respect to the inputs; without, they are constants. What does not depend on an input has zeros
for a derivative, and with `strict` is a RuntimeError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..forward import dual_level, make_dual, unpack_dual
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
    given = as_tuple(inputs, "inputs")
    if create_graph:
        return tuple(x.expand_as(x) if x.requires_grad else x.detach().requires_grad_() for x in given)
    return tuple(x.detach().requires_grad_() for x in given)


def called(func: Function, xs: Sequence[Tensor], strict: bool) -> tuple[Any, tuple[Tensor, ...]]:
    """What a function gives, as it is and as a tuple."""
    outputs = func(*xs)
    ys = as_tuple(outputs, "outputs of the user-provided function")
    for number, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(
                f"Output {number} of the user-provided function does not require gradients. It must depend on the inputs in strict mode."
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
    """`(func(*inputs), J v)`; v has the structure of the inputs. J v is the derivative of u^T J, which is linear in u, by u."""
    with enable_grad():
        xs = own_leaves(inputs, create_graph)
        vs = vector(v, xs, "input")
        outputs, ys = called(func, xs, strict)
        us = [Tensor(torch.zeros_like(y._data)).requires_grad_() for y in ys]
        back = derivatives(ys, xs, us, True, strict)
        products = derivatives(back, us, vs, create_graph, False)
    return finished(outputs, ys, create_graph), finished(outputs, products, create_graph)


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """For each output and input a tensor of the output's shape followed by the input's.

    `strategy="forward-mode"` computes it by columns, with dual tensors. `vectorize` changes nothing but speed, and here not even that.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(f'strategy must be "reverse-mode" or "forward-mode", got {strategy!r}')
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError("jacobian: create_graph with strategy='forward-mode'")
        return by_columns(func, inputs)
    with enable_grad():
        xs = own_leaves(inputs, create_graph)
        outputs, ys = called(func, xs, strict)
        rows = [by_rows(y, xs, create_graph, strict) for y in ys]
    return like(outputs, [finished(inputs, row, create_graph) for row in rows])


def by_rows(y: Tensor, xs: Sequence[Tensor], create_graph: bool, strict: bool) -> list[Tensor]:
    """The Jacobians of one output by all inputs: a backward pass for each element."""
    rows = []
    for position in range(y.numel()):
        one = torch.zeros_like(y._data, memory_format=torch.contiguous_format)
        one.view(-1)[position] = 1
        rows.append(derivatives([y], xs, [Tensor(one)], create_graph, strict))
    return [
        reshape(stack([row[number] for row in rows]), (*y.shape, *x.shape))
        if rows
        else Tensor(x._data.new_zeros((*y.shape, *x.shape)))
        for number, x in enumerate(xs)
    ]


def by_columns(func: Function, inputs: Any) -> Any:
    """The same by forward mode: a call of the function for each element of the inputs."""
    xs = [x.detach() for x in as_tuple(inputs, "inputs")]
    outputs = func(*xs)
    ys = as_tuple(outputs, "outputs of the user-provided function")
    blocks: list[list[Tensor]] = [[] for _ in ys]
    for number, x in enumerate(xs):
        columns = [pushed_along(func, xs, number, position) for position in range(x.numel())]
        for block, y, place in zip(blocks, ys, range(len(ys)), strict=True):
            joined = [column[place] for column in columns]
            flat = stack(joined, -1) if joined else Tensor(y._data.new_zeros((*y.shape, 0)))
            block.append(reshape(flat, (*y.shape, *x.shape)))
    return like(outputs, [finished(inputs, block, False) for block in blocks])


def pushed_along(func: Function, xs: Sequence[Tensor], number: int, position: int) -> list[Tensor]:
    """The derivatives of all outputs by one element of one input."""
    tangent = torch.zeros_like(xs[number]._data, memory_format=torch.contiguous_format)
    tangent.view(-1)[position] = 1
    with dual_level():
        duals = [make_dual(x, Tensor(tangent)) if k == number else x for k, x in enumerate(xs)]
        pairs = [unpack_dual(y) for y in as_tuple(func(*duals), "outputs")]
        return [Tensor(torch.zeros_like(pair.primal._data)) if pair.tangent is None else pair.tangent for pair in pairs]


def single(func: Function, create_graph: bool, strict: bool) -> Callable[..., tuple[Tensor, ...]]:
    """The gradient of a function of one element, as a function."""

    def gradient(*xs: Tensor) -> tuple[Tensor, ...]:
        _, ys = called(func, xs, strict)
        if len(ys) != 1 or ys[0].numel() != 1:
            raise RuntimeError("The function must return a single Tensor with a single element.")
        return derivatives([y.reshape(()) for y in ys], xs, None, create_graph, strict)

    return gradient


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of the gradient, for a function of one element: for each two inputs a tensor of both shapes."""
    given = as_tuple(inputs, "inputs")
    gradient = single(func, True, strict)
    if outer_jacobian_strategy == "forward-mode":

        def of_leaves(*xs: Tensor) -> tuple[Tensor, ...]:
            with enable_grad():
                return gradient(*[x if x.requires_grad else x.requires_grad_() for x in xs])

        return like(inputs, [like(inputs, row) for row in by_columns(of_leaves, given)])
    rows = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return like(inputs, [like(inputs, row) for row in rows])


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), H v)`."""
    return product_with_hessian(func, inputs, v, create_graph, strict)


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), v^T H)`, which is H v, as second derivatives do not depend on their order."""
    return product_with_hessian(func, inputs, v, create_graph, strict)


def product_with_hessian(func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool) -> Any:
    """The derivative of the gradient along v."""
    with enable_grad():
        xs = own_leaves(inputs, create_graph)
        vs = vector(v, xs, "input")
        outputs, ys = called(func, xs, strict)
        if len(ys) != 1 or ys[0].numel() != 1:
            raise RuntimeError("The function must return a single Tensor with a single element.")
        gradients = derivatives([y.reshape(()) for y in ys], xs, None, True, strict)
        products = derivatives(gradients, xs, vs, create_graph, strict)
    return finished(outputs, ys, create_graph), finished(inputs, products, create_graph)
