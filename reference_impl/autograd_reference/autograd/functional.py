"""Derivatives of functions: `vjp`, `jvp`, `jacobian`, `hessian`, `hvp`, `vhp`.

Inputs and outputs are a tensor or a tuple of tensors, and results have the same structure. With `create_graph` the results
can be differentiated with respect to the inputs; without, they are constants. What does not depend on an input has zeros
for a derivative, and with `strict` is a RuntimeError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

from ..missing import missing_from
from ..modes import enable_grad, inference_mode
from ..shaping import reshape, stack
from ..tensor import Tensor
from . import grad

Function = Callable[..., Any]
Positions = int | tuple[int, ...]
INPUT = "the input to the user-provided function is"
__getattr__ = missing_from(globals())


class Evaluated(NamedTuple):
    """A function's output, which can be differentiated by copies of some arguments."""

    xs: list[Tensor]
    arguments: Any  # the structure of xs
    output: Any
    aux: tuple[Any, ...]  # what else the function gives, if it does

    @property
    def ys(self) -> list[Tensor]:
        """The tensors of the output. RuntimeError: there is something else in it."""
        for y in (ys := tree_flatten(self.output)[0]):
            if not isinstance(y, Tensor):
                raise RuntimeError(f"expected f(*primals) to return only tensors, got unsupported type {type(y)}")  # noqa: TRY004
        return ys

    def like_arguments(self, results: Sequence[Any]) -> Any:
        """The results for the arguments in their structure."""
        return tree_unflatten(results, self.arguments)

    def like_output(self, results: Sequence[Any]) -> Any:
        """The results for the tensors of the output in its structure."""
        return tree_unflatten(results, tree_flatten(self.output)[1])

    def with_aux(self, result: Any) -> Any:
        """A result, or that and what else the function gives."""
        return (result, *self.aux) if self.aux else result

    def jacobian(self, create_graph: bool = True, strict: bool = False) -> Any:
        """For each output and argument the derivative of one by the other."""
        return self.like_output([self.like_arguments(by_rows(y, self.xs, create_graph, strict)) for y in self.ys])


@contextmanager
def evaluated(
    func: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Positions, has_aux: bool = False
) -> Iterator[Evaluated]:
    """A block in which the function's output can be differentiated by the arguments at `argnums`. Recording is on in it."""
    made: list[Tensor] = []

    def copied(x: Tensor) -> Tensor:
        if not x.requires_grad:
            made.append(x := x.clone().requires_grad_())
        copy: Tensor = x.clone()
        return copy

    with inference_mode(False), enable_grad():
        try:
            yield called(func, args, kwargs, argnums, has_aux, copied)
        finally:
            for leaf in made:
                leaf.requires_grad_(False)


def called(
    func: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Positions, has_aux: bool,
    copied: Callable[[Tensor], Tensor],
) -> Evaluated:  # fmt: skip
    """What a function gives for copies of the arguments at `argnums`."""
    originals, structure = tree_flatten(chosen(args, argnums))
    for x in originals:
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")  # noqa: TRY004
    xs, replaced = [copied(x) for x in originals], list(args)
    copies = tree_unflatten(xs, structure)
    for number, copy in [(argnums, copies)] if isinstance(argnums, int) else zip(argnums, copies, strict=True):
        replaced[number] = copy
    result = func(*replaced, **kwargs)
    if has_aux and not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError("output of function f should be a tuple: (output, aux) if has_aux is True")
    return Evaluated(xs, structure, result[0], result[1:]) if has_aux else Evaluated(xs, structure, result, ())


def chosen(args: Sequence[Any], argnums: Positions) -> Any:
    """The arguments at some positions. RuntimeError: there is none, or one is named twice."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")  # noqa: TRY004
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise RuntimeError(f"Got argnum={number}, but only {len(args)} positional inputs")
    if not numbers or len({number % len(args) for number in numbers}) < len(numbers):
        raise RuntimeError(f"argnums must be non-empty, and argnums elements must be unique, got {argnums}")
    return args[argnums] if isinstance(argnums, int) else tuple(args[number] for number in argnums)


@contextmanager
def evaluated_at(inputs: Any, func: Function, strict: bool) -> Iterator[Evaluated]:
    """The same for inputs, and outputs, that are a tensor or a tuple of tensors."""
    xs = as_tuple(inputs, "inputs")
    with evaluated(func, xs, {}, tuple(range(len(xs))) if isinstance(inputs, (tuple, list)) else 0) as found:
        for number, y in enumerate(as_tuple(found.output, "outputs of the user-provided function")):
            if strict and not y.requires_grad:
                raise RuntimeError(
                    f"Output {number} of the user-provided function does not require gradients. The outputs must be computed "
                    "in a differentiable manner from the input when running in strict mode."
                )
        yield found


def as_tuple(tensors: Any, what: str) -> tuple[Tensor, ...]:
    """A tensor or several as several. TypeError for anything else."""
    found = tuple(tensors) if isinstance(tensors, (tuple, list)) else (tensors,)
    for each in found:
        if not isinstance(each, Tensor):
            raise TypeError(f"The {what} must be either a Tensor or a tuple of Tensors but has type {type(each)}.")
    return found


def vector(v: Any, like_these: Sequence[Tensor], what: str) -> tuple[Tensor, ...]:
    """The vector of a product, checked; ones for a single element if it is not given."""
    if v is None:
        if len(like_these) != 1 or like_these[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {what} a single Tensor with a single element.")
        return (Tensor(torch.ones_like(like_these[0]._data)),)
    vs = as_tuple(v, "vector v")
    if len(vs) != len(like_these):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like_these)} but got {len(vs)}.")
    for number, (a, b) in enumerate(zip(vs, like_these, strict=True)):
        if a.shape != b.shape:
            entry = f"Entry {number} in v" if len(vs) > 1 else "v"
            raise RuntimeError(f"{entry} has invalid size: should be {b.shape} but got {a.shape}.")
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
                f"An output of the user-provided function is independent of input {number}, or its derivative is. This is not "
                "allowed in strict mode."
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


def gradient(name: str, found: Evaluated, strict: bool) -> tuple[Tensor, ...]:
    """The gradient of a single element, which can be differentiated again."""
    if len(found.ys) != 1:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if found.ys[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")
    return derivatives([found.ys[0].reshape(())], found.xs, None, True, strict)


def by_rows(y: Tensor, xs: Sequence[Tensor], create_graph: bool, strict: bool) -> list[Tensor]:
    """The Jacobians of one output by all inputs: a backward pass for each element."""
    ones = torch.eye(y.numel(), dtype=y.dtype, device=y.device).reshape(y.numel(), *y.shape)
    rows = [derivatives([y], xs, [Tensor(one)], create_graph, strict) for one in ones]
    if not rows:
        return [Tensor(x._data.new_zeros((*y.shape, *x.shape))) for x in xs]
    return [reshape(stack(column), (*y.shape, *x.shape)) for column, x in zip(zip(*rows, strict=True), xs, strict=True)]


def finished(results: Any, create_graph: bool) -> Any:
    """Results as the caller sees them."""
    return results if create_graph else tree_map_only(Tensor, lambda x: x.detach(), results)


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), v^T J)`; v has the structure of the outputs, and may be left out for a single element."""
    with evaluated_at(inputs, func, strict) as found:
        weights = vector(v, found.ys, "the user-provided function returns")
        products = derivatives(found.ys, found.xs, weights, create_graph, strict)
    return finished((found.output, found.like_arguments(products)), create_graph)


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), J v)`; v has the structure of the inputs, and may be left out for a single element."""
    with evaluated_at(inputs, func, strict) as found:
        products = pushed(found.ys, found.xs, vector(v, found.xs, INPUT), create_graph, strict)
    return finished((found.output, found.like_output(products)), create_graph)


def jacobian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """For each output and input a tensor of the output's shape followed by the input's.

    `strategy` is "reverse-mode", where `vectorize` changes nothing, or "forward-mode", which as in torch needs it, and goes
    with neither `create_graph` nor `strict`.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(f'Expected strategy to be either "forward-mode" or "reverse-mode", got {strategy!r}')
    if strategy == "forward-mode":
        from ..func import jacfwd  # which stands on this file

        if strict or create_graph or not vectorize:
            raise (RuntimeError if strict else NotImplementedError)(
                'jacobian: `strict=True` or `create_graph=True` and `strategy="forward-mode"` are not supported together (yet); '
                "and it is only implemented for `vectorize=True`."
            )
        xs = as_tuple(inputs, "inputs")
        return jacfwd(func, tuple(range(len(xs))) if isinstance(inputs, (tuple, list)) else 0)(*xs)
    with evaluated_at(inputs, func, strict) as found:
        return finished(found.jacobian(create_graph, strict), create_graph)


def hessian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian of the gradient, for a function of one element: for each two inputs a tensor of both shapes."""

    def gradients(*xs: Tensor) -> Any:
        with evaluated_at(xs if isinstance(inputs, (tuple, list)) else xs[0], func, strict) as found:
            return found.like_arguments(gradient("hessian", found, strict))

    return jacobian(gradients, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), v^T H)`; v has the structure of the inputs, and may be left out for a single element."""
    return hessian_product("vhp", func, inputs, v, create_graph, strict)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """`(func(*inputs), H v)`, which is v^T H, as second derivatives do not depend on their order."""
    return hessian_product("hvp", func, inputs, v, create_graph, strict)


def hessian_product(name: str, func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool) -> Any:
    """`vhp` and `hvp`."""
    with evaluated_at(inputs, func, strict) as found:
        products = derivatives(
            gradient(name, found, strict), found.xs, vector(v, found.xs, INPUT), create_graph, strict
        )
    return finished((found.output, found.like_arguments(products)), create_graph)
