"""Transforms of functions, under the names that PyTorch has in `torch.func`: each gives a function that computes derivatives.

A transform differentiates by copies of its arguments that nothing else uses. For every other transform they are constants,
or results of its own variables: so transforms within transforms keep their variables apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from .accumulate import AccumulateGrad
from .autograd.functional import by_rows, derivatives, pushed
from .backward import reachable
from .graph import edge_of
from .modes import enable_grad
from .modes import state as mode
from .shaping import stack
from .tensor import Tensor

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "vjp", "vmap"]

Function = Callable[..., Any]
Positions = int | tuple[int, ...]


class Evaluated(NamedTuple):
    """A function's output, which can be differentiated by copies of some arguments."""

    xs: list[Tensor]
    structure: Any  # of these arguments
    output: Any
    aux: Any  # what else the function gives

    def like_arguments(self, results: Sequence[Any]) -> Any:
        """The results for the arguments in their structure."""
        return tree_unflatten(results, self.structure)


@contextmanager
def evaluated(
    func: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Positions, has_aux: bool
) -> Iterator[Evaluated]:
    """A block in which the function's output can be differentiated by the arguments at `argnums`. Recording is on in it."""
    chosen = args[argnums] if isinstance(argnums, int) else tuple(args[number] for number in argnums)
    originals, structure = tree_flatten(chosen)
    with enable_grad():
        leaves = [x if x.requires_grad else x.detach().requires_grad_() for x in originals]
        xs = [x.clone() for x in leaves]
        copies = tree_unflatten(xs, structure)
        replaced = list(args)
        for number, copy in [(argnums, copies)] if isinstance(argnums, int) else zip(argnums, copies, strict=True):
            replaced[number] = copy
        try:
            result = func(*replaced, **kwargs)
            yield Evaluated(xs, structure, *(result if has_aux else (result, None)))
        finally:
            for leaf, original in zip(leaves, originals, strict=True):
                if leaf is not original:
                    leaf.requires_grad_(False)


def settled(tree: Any) -> Any:
    """What a transform gives to its caller: constants, unless they depend on what requires gradients out there."""

    def is_wanted(x: Tensor) -> bool:
        edge = edge_of(x) if mode.enabled else None
        nodes = [] if edge is None else reachable([edge])
        return any(isinstance(node, AccumulateGrad) and node.leaf.requires_grad for node in nodes)

    return tree_map(lambda x: x if not isinstance(x, Tensor) or is_wanted(x) else x.detach(), tree)


def grad_and_value(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """A function that gives the gradient of `func` by the arguments at `argnums`, and its value, or `(value, aux)`.

    RuntimeError, from that function: `func` gives no tensor without dimensions, or an argument is neither floating nor complex.
    """

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        with evaluated(func, args, kwargs, argnums, has_aux) as found:
            y = found.output
            if not isinstance(y, Tensor) or y.ndim:
                got = f"tensor with {y.ndim} dims" if isinstance(y, Tensor) else type(y)
                raise RuntimeError(
                    f"Expected f(*args) to return a scalar Tensor, got {got}. Use vjp or jacrev for others."
                )
            gradients = found.like_arguments(derivatives([y], found.xs, None, True, False))
        return settled((gradients, (y, found.aux) if has_aux else y))  # type: ignore[no-any-return]

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
    with evaluated(func, primals, {}, tuple(range(len(primals))), has_aux) as found:
        ys, structure = tree_flatten(found.output)

    def pull_back(*cotangents: Any) -> Any:
        vs, given = tree_flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        if len(vs) != len(ys):
            raise RuntimeError(f"expected cotangents with the structure {structure}, that of the output, got {given}")
        with enable_grad():
            gradients = derivatives(ys, found.xs, vs, True, False)
        return settled(found.like_arguments(gradients))

    return (settled(found.output), pull_back, *[settled(found.aux)] * has_aux)


def jvp(func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> tuple[Any, ...]:
    """`(output, tangents of the output)`, and `aux`. RuntimeError: tangents of another structure than the primals."""
    (vs, given), expected = tree_flatten(tangents), tree_flatten(primals)[1]
    if given != expected:
        raise RuntimeError(f"expected tangents with the structure {expected} of the primals, got {given}")
    with evaluated(func, tuple(primals), {}, tuple(range(len(primals))), has_aux) as found:
        ys, structure = tree_flatten(found.output)
        along = tree_unflatten(pushed(ys, found.xs, vs, True, strict), structure)
    return settled((found.output, along, *[found.aux] * has_aux))  # type: ignore[no-any-return]


def jacrev(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """A function that gives for each output and argument a tensor of the output's shape followed by the argument's."""

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        with evaluated(func, args, kwargs, argnums, has_aux) as found:
            ys, structure = tree_flatten(found.output)
            rows = [found.like_arguments(by_rows(y, found.xs, True, False)) for y in ys]
        result = tree_unflatten(rows, structure)
        return settled((result, found.aux) if has_aux else result)

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
    return tree if dim is None else tree_map(lambda x: x.select(dim, position), tree)
