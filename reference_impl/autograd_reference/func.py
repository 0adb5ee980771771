"""Transforms of functions, under the names that PyTorch has in `torch.func`: each gives a function that computes derivatives.

A transform differentiates by copies of its arguments that nothing else uses. For every other transform they are constants,
or results of its own variables: so transforms within transforms keep their variables apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch.utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_leaves, tree_map_only, tree_unflatten

from .accumulate import AccumulateGrad
from .arranging import movedim
from .autograd.functional import Evaluated, Function, Positions, called, chosen, derivatives, evaluated, pushed
from .backward import reachable
from .forward import bearing, make_dual, nested_level, unpack_dual
from .graph import edge_of
from .modes import enable_grad
from .modes import state as mode
from .shaping import reshape, split, stack
from .tensor import Tensor
from .utils.checkpoint import randomness as states_of_generators

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp", "vmap"]


def settled(tree: Any) -> Any:
    """What a transform gives to its caller: constants, unless they depend on what requires gradients out there."""

    def is_wanted(x: Tensor) -> bool:
        edge = edge_of(x) if mode.enabled else None
        nodes = [] if edge is None else reachable([edge])
        return any(isinstance(node, AccumulateGrad) and node.leaf.requires_grad for node in nodes)

    return tree_map_only(Tensor, lambda x: x if is_wanted(x) else bearing(x.detach(), x), tree)


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
    if not isinstance(y := found.output, Tensor):
        raise RuntimeError(f"Expected f(*args) to return a Tensor, got {type(y)}")  # noqa: TRY004
    if y.ndim:
        raise RuntimeError(
            f"Expected f(*args) to return a scalar Tensor, got tensor with {y.ndim} dims. Maybe you wanted to use the vjp or "
            "jacrev APIs instead?"
        )
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
        ys, structure = found.ys, tree_flatten(found.output)[1]

    def pull_back(*cotangents: Any) -> Any:
        vs, given = tree_flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        if len(vs) != len(ys):
            raise RuntimeError(f"expected cotangents with the structure {structure}, that of the output, got {given}")
        with enable_grad():
            gradients = derivatives(ys, found.xs, vs, True, False)
        return settled(found.like_arguments(gradients))

    return (settled(found.output), pull_back, *settled(found.aux))


def jvp(func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> tuple[Any, ...]:
    """`(output, tangents of the output)`, and `aux`, by forward mode.

    RuntimeError: tangents of another structure than the primals, or with `strict` an output that depends on none of these.
    """
    if not isinstance(primals, tuple):
        raise RuntimeError("jvp: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")  # noqa: TRY004
    (vs, given), expected = tree_flatten(tangents), tree_flatten(primals)[1]
    if given != expected:
        raise RuntimeError(
            "jvp: Expected primals and tangents to have the same python structure. Got primals with structure "
            f"{expected} and tangents with structure {given}"
        )
    return pushed_forward(func, primals, tuple(range(len(primals))), vs, has_aux, strict)


def pushed_forward(
    func: Function, args: Sequence[Any], argnums: Positions, vs: Sequence[Tensor], has_aux: bool, strict: bool = False
) -> tuple[Any, ...]:
    """The output, its tangents given those of the arguments at `argnums`, and `aux`."""
    given = iter(vs)
    with nested_level():
        found = called(func, args, {}, argnums, has_aux, lambda x: make_dual(x, next(given)))
        pairs = [unpack_dual(y) for y in found.ys]
    if strict and any(tangent is None for _, tangent in pairs):
        raise RuntimeError("jvp: The output of f is independent of the inputs. This is not allowed with strict=True.")
    tangents = [Tensor(torch.zeros_like(y._data)) if tangent is None else tangent for y, tangent in pairs]
    along = found.like_output(tangents)
    return settled((found.like_output([y for y, _ in pairs]), along, *found.aux))  # type: ignore[no-any-return]


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """`(output, function)`: the function takes the primals' tangents, and gives the output's. `func` is called once."""
    with evaluated(func, primals, {}, tuple(range(len(primals))), False) as found:
        ys = found.ys

    def push(*tangents: Any) -> Any:
        if (given := tree_flatten(tangents)[1]) != (expected := tree_flatten(primals)[1]):
            raise RuntimeError(f"Expected the tangents {given} to have the same argspec as the primals {expected}")
        with enable_grad():
            along = pushed(ys, found.xs, tree_leaves(tangents), True, False)
        return settled(found.like_output(along))

    return settled(found.output), push


def jacrev(func: Function, argnums: Positions = 0, has_aux: bool = False, *, chunk_size: int | None = None) -> Function:
    """A function that gives for each output and argument a tensor of the output's shape followed by the argument's.

    `chunk_size` changes nothing: there is a backward pass for each element.
    """
    positive_or_none("jacrev", chunk_size)
    derive = lambda found: found.with_aux(real("jacrev", [*found.xs, *found.ys], found.jacobian()))
    return transform(func, argnums, has_aux, derive)


def jacfwd(func: Function, argnums: Positions = 0, has_aux: bool = False, *, randomness: str = "error") -> Function:
    """The same as jacrev, by forward mode: `func` is called for each element of the arguments. See vmap about randomness."""

    @functools.wraps(func)
    def transformed(*args: Any) -> Any:
        xs, structure = tree_flatten(chosen(args, argnums))
        lengths = [x.numel() for x in xs]
        parts = torch.split(torch.eye(sum(lengths)), lengths, 1)
        basis = [Tensor(part.to(x._data).reshape(len(part), *x.shape)) for part, x in zip(parts, xs, strict=True)]
        push = lambda *vs: pushed_forward(func, args, argnums, vs, has_aux)[1:]
        columns, *aux = vmap(push, randomness=randomness)(*basis)

        def blocks(column: Tensor) -> Any:
            parts = zip(split(movedim(column, 0, -1), lengths, -1), xs, strict=True)
            return tree_unflatten([reshape(part, (*column.shape[1:], *x.shape)) for part, x in parts], structure)

        jacobian = real("jacfwd", [*xs, *tree_leaves(columns)], tree_map_only(Tensor, blocks, columns))
        return (jacobian, *tree_map_only(Tensor, lambda x: x[0], aux)) if has_aux else jacobian

    return transformed


def positive_or_none(name: str, chunk_size: int | None) -> None:
    """ValueError: chunks of no length."""
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"{name}: `chunk_size` should be greater than 0.")


def real(name: str, tensors: Sequence[Tensor], jacobian: Any) -> Any:
    """The Jacobian. RuntimeError: it is by complex tensors, or of such."""
    if any(x.is_complex() for x in tensors):
        raise RuntimeError(f"{name}: Expected all inputs and outputs to be real but received complex tensor")
    return jacobian


def hessian(func: Function, argnums: Positions = 0) -> Function:
    """A function that gives the Jacobian of the Jacobian."""
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(
    func: Function, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Function:
    """A function of batches: `func` is called for each position of `in_dims`, and what it gives is stacked along `out_dims`.

    Either is a number for all arguments or outputs, or a structure of them, with None for what has no batch. `func` draws
    other random numbers in each call, or the "same", or none: that is a RuntimeError. `chunk_size` changes nothing.
    """
    positive_or_none("vmap", chunk_size)
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        xs, structure = tree_flatten(args)
        dims = spread(in_dims, structure, "in_dims")
        state, first_state = torch.get_rng_state(), states_of_generators(xs, randomness == "same")
        results, length = [], common_length(xs, dims)
        for position in range(length or 1):  # for an empty batch, a call with zeros shows what a result is like
            pairs = zip(xs, dims, strict=True)
            parts = [x if d is None else x.select(d, position) if length else x.sum(d, dtype=x.dtype) for x, d in pairs]
            with first_state() if position else nullcontext():
                results.append(func(*tree_unflatten(parts, structure), **kwargs))
        if randomness == "error" and not torch.equal(state, torch.get_rng_state()):
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
                "randomness flags on vmap or perform the randomness operation out of vmap"
            )
        structure = tree_flatten(results[0])[1]
        columns = zip(*[tree_flatten(each)[0] for each in results], strict=True)
        pairs = zip(columns, spread(out_dims, structure, "out_dims"), strict=True)
        return tree_unflatten([stacked(column, dim, length) for column, dim in pairs], structure)

    return transformed


def spread(dims: Any, structure: Any, what: str) -> list[int | None]:
    """The dimensions as one for each leaf of a structure. ValueError: they do not fit it."""
    if (found := _broadcast_to_and_flatten(dims, structure)) is None or (dims is None and what == "in_dims"):
        raise ValueError(f"vmap: {what} is not compatible with the structure of `{what[:-5]}puts`: {dims}, {structure}")
    return found


def common_length(xs: Sequence[Any], dims: Sequence[int | None]) -> int:
    """The length of the batches. ValueError: there are none, or of several lengths, or a dimension does not exist."""
    if not xs:
        raise ValueError("vmap: got no inputs. Maybe you forgot to add inputs.")
    batches = [(x, dim) for x, dim in zip(xs, dims, strict=True) if dim is not None]
    for x, dim in batches:
        if not isinstance(x, Tensor):
            raise ValueError(f"vmap: Got in_dim={dim} for an input but the input is of type {type(x)}")  # noqa: TRY004
        if not -x.ndim <= dim < x.ndim:
            raise ValueError(
                f"vmap: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {x.ndim} so expected "
                f"in_dim to satisfy -{x.ndim} <= in_dim < {x.ndim}."
            )
    lengths = {x.size(dim) for x, dim in batches}
    if len(lengths) != 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sorted(lengths)} for the mapped dimension"
        )
    return int(lengths.pop())


def stacked(column: Sequence[Any], dim: int | None, length: int) -> Any:
    """One output of all calls; that of the first where there is no batch. ValueError: it is no tensor."""
    if dim is not None and not isinstance(column[0], Tensor):
        raise ValueError(f"vmap: the function must only return Tensors, got type {type(column[0])}.")
    whole = column[0] if dim is None else stack(column, dim)
    return whole if length or dim is None else whole.narrow(dim, 0, 0)
