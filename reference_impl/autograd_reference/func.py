"""Transforms of functions, under the names that PyTorch has in `torch.func`: each gives a function that computes derivatives.

A transform differentiates by copies of its arguments that nothing else uses. For every other transform they are constants,
or results of its own variables: so transforms within transforms keep their variables apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch.utils._pytree import tree_flatten, tree_map, tree_map_only, tree_unflatten

from .accumulate import AccumulateGrad
from .autograd.functional import Evaluated, Function, Positions, derivatives, evaluated, pushed
from .backward import reachable
from .graph import edge_of
from .modes import enable_grad
from .modes import state as mode
from .shaping import stack
from .tensor import Tensor

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp", "vmap"]


def settled(tree: Any) -> Any:
    """What a transform gives to its caller: constants, unless they depend on what requires gradients out there."""

    def is_wanted(x: Tensor) -> bool:
        edge = edge_of(x) if mode.enabled else None
        nodes = [] if edge is None else reachable([edge])
        return any(isinstance(node, AccumulateGrad) and node.leaf.requires_grad for node in nodes)

    return tree_map_only(Tensor, lambda x: x if is_wanted(x) else x.detach(), tree)


def transform(func: Function, argnums: Positions, has_aux: bool, derive: Callable[[Evaluated], Any]) -> Function:
    """A function that gives what is derived from the evaluated output of `func`."""

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        with evaluated(func, args, kwargs, argnums, has_aux) as found:
            result = derive(found)
        return settled(result)

    return transformed


def gradient(found: Evaluated) -> Any:
    """The gradient of an output without dimensions. RuntimeError for another."""
    if not isinstance(y := found.output, Tensor) or y.ndim:
        got = f"tensor with {y.ndim} dims" if isinstance(y, Tensor) else type(y)
        raise RuntimeError(f"Expected f(*args) to return a scalar Tensor, got {got}. Use vjp or jacrev for others.")
    return found.like_arguments(derivatives([y], found.xs, None, True, False))


def grad_and_value(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """A function that gives the gradient of `func` by the arguments at `argnums`, and its value, or `(value, aux)`.

    RuntimeError, from that function: `func` gives no tensor without dimensions, or an argument is neither floating nor complex.
    """
    return transform(func, argnums, has_aux, lambda found: (gradient(found), found.with_aux(found.output)))


def grad(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """A function that gives the gradient of `func` by the arguments at `argnums`; or `(gradient, aux)`. See grad_and_value."""
    return transform(func, argnums, has_aux, lambda found: found.with_aux(gradient(found)))


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """`(output, function)`, and `aux`: the function takes the output's cotangents and gives a tuple, of the primals'."""
    with evaluated(func, primals, {}, tuple(range(len(primals))), has_aux) as found:
        ys, structure = tree_flatten(found.output)

    def pull_back(*cotangents: Any) -> Any:
        vs, given = tree_flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        if len(vs) != len(ys):
            raise RuntimeError(f"expected cotangents with the structure {structure}, that of the output, got {given}")
        with enable_grad():
            gradients = derivatives(ys, found.xs, vs, True, False)
        return settled(found.like_arguments(gradients))

    return (settled(found.output), pull_back, *settled(found.aux))


def jvp(func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> tuple[Any, ...]:
    """`(output, tangents of the output)`, and `aux`. RuntimeError: tangents of another structure than the primals."""
    (vs, given), expected = tree_flatten(tangents), tree_flatten(primals)[1]
    if given != expected:
        raise RuntimeError(f"expected tangents with the structure {expected} of the primals, got {given}")
    with evaluated(func, tuple(primals), {}, tuple(range(len(primals))), has_aux) as found:
        along = found.like_output(pushed(found.ys, found.xs, vs, True, strict))
    return settled((found.output, along, *found.aux))  # type: ignore[no-any-return]


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """`(output, function)`: the function takes the primals' tangents, and gives the output's. `func` is called once."""
    with evaluated(func, primals, {}, tuple(range(len(primals))), False) as found:
        ys, structure = tree_flatten(found.output)

    def push(*tangents: Any) -> Any:
        with enable_grad():
            along = pushed(ys, found.xs, tree_flatten(tangents)[0], True, False)
        return settled(tree_unflatten(along, structure))

    return settled(found.output), push


def jacrev(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """A function that gives for each output and argument a tensor of the output's shape followed by the argument's."""
    return transform(func, argnums, has_aux, lambda found: found.with_aux(found.jacobian()))


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
        batches = list(zip(args, dims, strict=True))
        lengths = {x.size(dim) for tree, dim in batches if dim is not None for x in tree_flatten(tree)[0]}
        if len(lengths) != 1:
            raise ValueError(f"vmap: expected batches of one length, got {sorted(lengths) or 'none'}")
        results = [func(*[at(*batch, position) for batch in batches], **kwargs) for position in range(lengths.pop())]
        structure = tree_flatten(results[0])[1]
        columns = list(zip(*[tree_flatten(each)[0] for each in results], strict=True))
        outs = out_dims if isinstance(out_dims, (tuple, list)) else [out_dims] * len(columns)
        return tree_unflatten([stack(column, dim) for column, dim in zip(columns, outs, strict=True)], structure)

    return transformed


def at(tree: Any, dim: int | None, position: int) -> Any:
    """One position of the batches in an argument."""
    return tree if dim is None else tree_map(lambda x: x.select(dim, position), tree)
