"""Derivatives compared with finite differences: `gradcheck`, and `gradgradcheck` for second derivatives.

A Jacobian is compared entry by entry: numerically by central differences of a step `eps`, and row by row by backward passes.
A complex input counts as two real ones, and so does a complex output: no convention about complex gradients is needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..caller import warn
from ..forward import dual_level, make_dual, unpack_dual
from ..tensor import Tensor
from . import grad

Output = Callable[[Tensor], Tensor]


class GradcheckError(RuntimeError):
    """Why a function did not pass."""


def gradcheck(
    func: Callable[..., Any], inputs: Tensor | Sequence[Any], *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_forward_ad: bool = False,
    check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None,
) -> bool:  # fmt: skip
    """Whether the derivatives of all outputs by all inputs that require gradients agree with finite differences.

    Inputs should be float64 or complex128. `GradcheckError`, or False without `raise_exception`: derivatives that disagree, or
    differ from pass to pass by more than `nondet_tol`. ValueError: no input requires gradients.
    """
    if check_batched_grad or masked:
        raise NotImplementedError("gradcheck: check_batched_grad and masked")
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    wanted = [position for position, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for position in wanted:
        if given[position].dtype not in (torch.float64, torch.complex128):
            warn(
                f"Input #{position} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point or complex."
            )
    try:
        for position, number in itertools.product(wanted, range(len(outputs_of(func, given)))):
            name, f = f"output {number} with respect to input {position}", block(func, given, position, number)
            check(name, f, given[position], eps, atol, rtol, nondet_tol, check_backward_ad, check_forward_ad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any], inputs: Tensor | Sequence[Any], grad_outputs: Tensor | Sequence[Tensor] | None = None, *,
    gen_non_contig_grad_outputs: bool = False, **options: Any,
) -> bool:  # fmt: skip
    """`gradcheck` of the gradients of the outputs, as a function of the inputs and of `grad_outputs`, which are random if not given."""
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None:
        cotangents = [Tensor(torch.randn_like(y._data)).requires_grad_() for y in outputs_of(func, given)]
    else:
        cotangents = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)

    def gradients(*both: Any) -> tuple[Tensor, ...]:
        xs = both[: len(given)]
        wanted = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
        found = grad(outputs_of(func, xs), wanted, both[len(given) :], create_graph=True, allow_unused=True)
        return tuple(gradient for gradient in found if gradient is not None and gradient.requires_grad)

    return gradcheck(gradients, (*given, *cotangents), **options)


def outputs_of(func: Callable[..., Any], inputs: Sequence[Any]) -> list[Tensor]:
    """The outputs that have derivatives."""
    result = func(*inputs)
    outputs = (result,) if isinstance(result, Tensor) else tuple(result)
    return [y for y in outputs if isinstance(y, Tensor) and y.requires_grad]


def block(func: Callable[..., Any], inputs: Sequence[Any], position: int, number: int) -> Output:
    """One output as a function of one input."""
    return lambda x: outputs_of(func, [*inputs[:position], x, *inputs[position + 1 :]])[number]


def check(
    name: str, f: Output, x: Tensor, eps: float, atol: float, rtol: float, nondet: float, backward: bool, forward: bool
) -> None:
    """Raise GradcheckError if the Jacobian of one output by one input is wrong."""
    numerical = by_differences(f, x, eps)
    found = {"backward": by_passes(f, x)} if backward else {}
    if backward and not torch.allclose(found["backward"], by_passes(f, x), rtol=0, atol=nondet, equal_nan=True):
        raise GradcheckError(
            f"Backward is not reentrant, i.e., running backward with same input multiple times gives different values: {name}"
        )
    if forward:
        found["forward"] = by_tangents(f, x)
    for mode, analytical in found.items():
        if not torch.allclose(analytical, numerical, rtol, atol):
            how = "computed with forward mode " * (mode == "forward")
            raise GradcheckError(
                f"Jacobian {how}mismatch for {name},\nnumerical:{numerical}\nanalytical:{analytical}\n"
            )


def as_real(data: torch.Tensor) -> torch.Tensor:
    """The elements as a vector of real numbers."""
    data = data.reshape(-1)
    return torch.view_as_real(data.resolve_conj()).reshape(-1) if data.is_complex() else data


def matrix(x: torch.Tensor, y: torch.Tensor, linear: Callable[[Tensor], Any]) -> torch.Tensor:
    """The matrix of a map from what is like x to what is like y: a column for each real number in x."""
    columns = as_real(y).new_zeros(as_real(y).numel(), as_real(x).numel())
    for place in range(columns.shape[1]):
        unit = torch.zeros(x.shape, dtype=x.dtype, device=x.device)
        as_real(unit)[place] = 1
        columns[:, place] = as_real(linear(Tensor(unit))._data)
    return columns


def by_differences(f: Output, x: Tensor, eps: float) -> torch.Tensor:
    """The Jacobian from function values alone. The input is moved in place, and back."""
    original = x._data.clone()

    def moved(step: Tensor) -> Any:
        x._data.copy_(original + step._data)
        return f(x).detach().clone()

    result = matrix(original, f(x)._data, lambda unit: moved(unit * eps) - moved(unit * -eps))
    x._data.copy_(original)
    return result / (2 * eps)


def by_passes(f: Output, x: Tensor) -> torch.Tensor:
    """The same by backward passes, a row for each real number in the output."""
    y = f(x)
    return matrix(y._data, x._data, lambda v: grad(y, x, v, retain_graph=True, materialize_grads=True)[0]).mT


def by_tangents(f: Output, x: Tensor) -> torch.Tensor:
    """The same by forward mode, a column for each real number in the input."""

    def pushed(v: Tensor) -> Tensor:
        with dual_level():
            y = unpack_dual(f(make_dual(x, v)))
            return Tensor(torch.zeros_like(y.primal._data)) if y.tangent is None else y.tangent.detach().clone()

    return matrix(x._data, f(x)._data, pushed)
