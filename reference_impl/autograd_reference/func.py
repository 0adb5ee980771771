"""Transforms of functions, under the names that PyTorch has in `torch.func`: each gives a function that computes derivatives.

A transform differentiates by copies of its arguments that nothing else uses. For every other transform they are constants,
or results of its own variables: so transforms within transforms keep their variables apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from .accumulate import AccumulateGrad
from .autograd.functional import by_rows, derivatives
from .backward import reachable
from .graph import edge_of
from .modes import enable_grad
from .modes import state as mode
from .shaping import select, stack
from .tensor import Tensor

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "vjp", "vmap"]

Function = Callable[..., Any]
Positions = int | tuple[int, ...]


@contextmanager
def variables(tree: Any) -> Iterator[list[Tensor]]:
    """Copies of the tensors in a tuple, list or dict, to differentiate by in the block. Recording is on in it."""
    with enable_grad():
        given = [x if x.requires_grad else x.detach().requires_grad_() for x in tree_flatten(tree)[0]]
        try:
            yield [x.clone() for x in given]
        finally:
            for x, original in zip(given, tree_flatten(tree)[0], strict=True):
                if x is not original:
                    x.requires_grad_(False)


def settled(tree: Any) -> Any:
    """What a transform gives to its caller: constants, unless they depend on what requires gradients out there."""

    def is_wanted(x: Tensor) -> bool:
        edge = edge_of(x) if mode.enabled else None
        nodes = [] if edge is None else reachable([edge])
        return any(isinstance(node, AccumulateGrad) and node.leaf.requires_grad for node in nodes)

    return tree_map(lambda x: x if not isinstance(x, Tensor) or is_wanted(x) else x.detach(), tree)


def chosen(args: Sequence[Any], argnums: Positions) -> Any:
    """The arguments to differentiate by."""
    return args[argnums] if isinstance(argnums, int) else tuple(args[number] for number in argnums)


def called(
    func: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Positions, xs: list[Tensor], has_aux: bool
) -> tuple[Any, Any]:
    """The output, and what else the function gives, with the chosen arguments replaced by variables."""
    copies = tree_unflatten(xs, tree_flatten(chosen(args, argnums))[1])
    replaced = list(args)
    for number, copy in [(argnums, copies)] if isinstance(argnums, int) else zip(argnums, copies, strict=True):
        replaced[number] = copy
    result = func(*replaced, **kwargs)
    return result if has_aux else (result, None)


def grad_and_value(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """A function that gives the gradient of `func` by the arguments at `argnums`, and its value, or `(value, aux)`.

    RuntimeError, from that function: `func` gives no tensor without dimensions, or an argument is neither floating nor complex.
    """

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        wanted = chosen(args, argnums)
        with variables(wanted) as xs:
            y, aux = called(func, args, kwargs, argnums, xs, has_aux)
            if not isinstance(y, Tensor) or y.ndim:
                got = f"tensor with {y.ndim} dims" if isinstance(y, Tensor) else type(y)
                raise RuntimeError(
                    f"Expected f(*args) to return a scalar Tensor, got {got}. Use vjp or jacrev for others."
                )
            gradients = tree_unflatten(derivatives([y], xs, None, True, False), tree_flatten(wanted)[1])
        return settled((gradients, (y, aux) if has_aux else y))  # type: ignore[no-any-return]

    return transformed


def grad(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """A function that gives the gradient of `func` by the arguments at `argnums`; or `(gradient, aux)`. See grad_and_value."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        gradients, value = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return transformed


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """`(output, function)`, and `aux`: the function takes the output's cotangents and gives a tuple, of the primals'."""
    with variables(primals) as xs:
        output, aux = called(func, primals, {}, tuple(range(len(primals))), xs, has_aux)
    ys, structure = tree_flatten(output)

    def pull_back(*cotangents: Any) -> Any:
        vs, given = tree_flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        if len(vs) != len(ys):
            raise RuntimeError(f"expected cotangents with the structure {structure}, that of the output, got {given}")
        with enable_grad():
            found = derivatives(ys, xs, vs, True, False)
        return settled(tree_unflatten(found, tree_flatten(primals)[1]))

    return (settled(output), pull_back, settled(aux)) if has_aux else (settled(output), pull_back)


def jvp(func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> tuple[Any, ...]:
    """`(output, tangents of the output)`, and `aux`. u^T J is linear in u, and J v is its derivative by u along v."""
    vs, given = tree_flatten(tangents)
    if given != tree_flatten(primals)[1]:
        raise RuntimeError(
            f"expected tangents with the structure {tree_flatten(primals)[1]} of the primals, got {given}"
        )
    with variables(primals) as xs:
        output, aux = called(func, tuple(primals), {}, tuple(range(len(primals))), xs, has_aux)
        ys, structure = tree_flatten(output)
        with variables([Tensor(torch.zeros_like(y._data)) for y in ys]) as us:
            along = derivatives(derivatives(ys, xs, us, True, strict), us, vs, True, False)
    result = (output, tree_unflatten(along, structure))
    return settled((*result, aux) if has_aux else result)  # type: ignore[no-any-return]


def jacrev(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """A function that gives for each output and argument a tensor of the output's shape followed by the argument's."""

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        wanted = chosen(args, argnums)
        with variables(wanted) as xs:
            output, aux = called(func, args, kwargs, argnums, xs, has_aux)
            ys, structure = tree_flatten(output)
            rows = [tree_unflatten(by_rows(y, xs, True, False), tree_flatten(wanted)[1]) for y in ys]
        result = tree_unflatten(rows, structure)
        return settled((result, aux) if has_aux else result)

    return transformed


def jacfwd(func: Function, argnums: Positions = 0, has_aux: bool = False, *, randomness: str = "error") -> Function:
    """The same as jacrev, and computed in the same way: levels of forward mode do not nest here."""
    return jacrev(func, argnums, has_aux)


def hessian(func: Function, argnums: Positions = 0) -> Function:
    """A function that gives the Jacobian of the Jacobian."""
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(func: Function, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error") -> Function:
    """A function of batches: `func` is called for each position of `in_dims`, and what it gives is stacked along `out_dims`.

    Either is a number for all arguments or outputs, or one for each; None for an argument that has no batch.
    NotImplementedError: `randomness="same"`, as each call draws numbers of its own.
    """
    if randomness == "same":
        raise NotImplementedError("vmap: randomness='same'")

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        dims = tuple(in_dims) if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args)
        lengths = {
            x.size(dim) for arg, dim in zip(args, dims, strict=True) if dim is not None for x in tree_flatten(arg)[0]
        }
        if len(lengths) != 1:
            raise ValueError(f"vmap: expected batches of one length, got {sorted(lengths) or 'none'}")
        results = [
            func(*[at(arg, dim, position) for arg, dim in zip(args, dims, strict=True)], **kwargs)
            for position in range(lengths.pop())
        ]
        structure = tree_flatten(results[0])[1]
        columns = list(zip(*[tree_flatten(each)[0] for each in results], strict=True))
        outs = out_dims if isinstance(out_dims, (tuple, list)) else [out_dims] * len(columns)
        return tree_unflatten([stack(column, dim) for column, dim in zip(columns, outs, strict=True)], structure)

    return transformed


def at(tree: Any, dim: int | None, position: int) -> Any:
    """One position of the batches in an argument."""
    return tree if dim is None else tree_map(lambda x: select(x, dim, position), tree)
