"""Derivatives compared with finite differences: `gradcheck`, and `gradgradcheck` for second derivatives.

A Jacobian is compared entry by entry: numerically by central differences of a step `eps`, and row by row by backward passes.
A complex input counts as two real ones, and so does a complex output: no convention about complex gradients is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..forward import dual_level, make_dual, unpack_dual
from ..tensor import Tensor
from . import grad


class GradcheckError(RuntimeError):
    """Why a function did not pass."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the derivatives of all outputs by all inputs that require gradients agree with finite differences.

    Inputs should be float64 or complex128. `GradcheckError`, or False without `raise_exception`: derivatives that disagree, or
    differ from pass to pass by more than `nondet_tol`, or have another shape or dtype. ValueError: no input requires gradients.
    """
    if check_batched_grad or masked:
        raise NotImplementedError("gradcheck: check_batched_grad and masked")
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if not any(isinstance(x, Tensor) and x.requires_grad for x in given):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True."
        )
    for position, x in enumerate(given):
        if isinstance(x, Tensor) and x.requires_grad and x.dtype not in (torch.float64, torch.complex128):
            warnings.warn(
                f"Input #{position} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point or complex.",
                UserWarning,
                stacklevel=2,
            )
    try:
        check(func, given, eps, atol, rtol, nondet_tol, check_backward_ad, check_forward_ad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    gen_non_contig_grad_outputs: bool = False,
    **options: Any,
) -> bool:
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


def check(
    func: Callable[..., Any],
    inputs: Sequence[Any],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    backward: bool,
    forward: bool,
) -> None:
    """Raise GradcheckError for the first Jacobian that is wrong."""
    count = len(outputs_of(func, inputs))
    for position, x in enumerate(inputs):
        if not (isinstance(x, Tensor) and x.requires_grad):
            continue
        for number in range(count):
            numerical = by_differences(func, inputs, position, number, eps)
            found = [by_passes(func, inputs, position, number) for _ in range(2)] if backward else []
            if backward and not torch.allclose(found[0], found[1], rtol=0, atol=nondet_tol, equal_nan=True):
                raise GradcheckError(
                    f"Backward is not reentrant, i.e., running backward with same input multiple times gives different values: input {position}, output {number}"
                )
            jacobians = {"backward": found[0]} if backward else {}
            if forward:
                jacobians["forward"] = by_tangents(func, inputs, position, number)
            for what, analytical in jacobians.items():
                if not torch.allclose(analytical, numerical, rtol, atol):
                    raise GradcheckError(
                        f"Jacobian mismatch for output {number} with respect to input {position},\n"
                        f"numerical: {numerical}\nanalytical ({what}): {analytical}"
                    )


def as_real(data: torch.Tensor) -> torch.Tensor:
    """The elements as a vector of real numbers."""
    data = data.reshape(-1)
    return torch.view_as_real(data.resolve_conj()).reshape(-1) if data.is_complex() else data


def unit(like: torch.Tensor, position: int) -> torch.Tensor:
    """A tensor whose elements, as real numbers, are zeros but for a one."""
    zeros = torch.zeros(like.shape, dtype=like.dtype, device=like.device)
    as_real(zeros)[position] = 1
    return zeros


def by_differences(
    func: Callable[..., Any], inputs: Sequence[Any], position: int, number: int, eps: float
) -> torch.Tensor:
    """Outputs by inputs, from function values alone. The input is moved in place, and back."""
    data = inputs[position]._data
    original = data.clone()
    columns = []
    for place in range(as_real(data).numel()):
        step = unit(data, place) * eps
        values = []
        for moved in (original + step, original - step):
            data.copy_(moved)
            values.append(as_real(outputs_of(func, inputs)[number]._data).clone())
        columns.append((values[0] - values[1]) / (2 * eps))
    data.copy_(original)
    return torch.stack(columns, -1) if columns else data.new_zeros((0, 0)).real


def by_passes(func: Callable[..., Any], inputs: Sequence[Any], position: int, number: int) -> torch.Tensor:
    """The same by backward passes, a row for each element of the output."""
    x = inputs[position]
    y = outputs_of(func, inputs)[number]
    rows = []
    for place in range(as_real(y._data).numel()):
        (gradient,) = grad(y, x, Tensor(unit(y._data, place)), retain_graph=True, allow_unused=True)
        if gradient is None:
            rows.append(torch.zeros_like(as_real(x._data)))
        elif gradient.shape != x.shape or gradient.dtype is not x.dtype:
            raise GradcheckError(
                f"expected a gradient of shape {list(x.shape)} and dtype {x.dtype}, got {list(gradient.shape)} and {gradient.dtype}"
            )
        else:
            rows.append(as_real(gradient._data))
    return torch.stack(rows) if rows else x._data.new_zeros((0, as_real(x._data).numel())).real


def by_tangents(func: Callable[..., Any], inputs: Sequence[Any], position: int, number: int) -> torch.Tensor:
    """The same by forward mode, a column for each element of the input."""
    columns = []
    x = inputs[position]
    for place in range(as_real(x._data).numel()):
        with dual_level():
            dual = make_dual(x, Tensor(unit(x._data, place)))
            y = outputs_of(func, [*inputs[:position], dual, *inputs[position + 1 :]])[number]
            tangent = unpack_dual(y).tangent
            columns.append(torch.zeros_like(as_real(y._data)) if tangent is None else as_real(tangent._data).clone())
    return torch.stack(columns, -1) if columns else x._data.new_zeros((0, 0)).real
