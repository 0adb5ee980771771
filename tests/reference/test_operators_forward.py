"""Every operator of the reference in forward mode, on torch's own sample inputs: the tangents agree with torch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_operators import (
    DEVIATIONS,
    OPERATORS,
    cotangent,
    for_reference,
    for_torch,
    function,
    mapped,
    samples,
    tensors_in,
)

import autograd_reference as reference

# torch compiles some of its own rules, in a way that it calls deprecated; and warns of what it does within others.
pytestmark = pytest.mark.filterwarnings("ignore")

EXCEPTIONS = {
    "logcumsumexp": "torch divides by a number that may be very small",
    "cholesky_inverse": "torch's tangent is wrong, as differences of close values show; ours is right",
    "linalg.cholesky": "a tangent that is not symmetric is made symmetric by us, and not by torch; for symmetric ones they agree",
    "linalg.norm-subgradients_at_zero": "a shortfall of ours: no number where torch has zero",
}
DTYPES = (torch.float64, torch.complex128)
NAMES = [
    name
    for name, op in OPERATORS.items()
    if op.supports_forward_ad
    and name not in {*DEVIATIONS, *EXCEPTIONS}
    and not op.supported_dtypes("cpu").isdisjoint(DTYPES)
]


def tangents(lib: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> list[Any]:
    """The tangents of the results, for fixed ones of the operands."""
    torch.manual_seed(0)
    forward = lib.autograd.forward_ad
    with forward.dual_level():
        args, kwargs = mapped(
            lambda x: forward.make_dual(x.detach(), cotangent(lib, x)) if x.requires_grad else x, (args, kwargs)
        )
        return [forward.unpack_dual(y).tangent for y in tensors_in(call(*args, **kwargs))]


@pytest.mark.parametrize("name", NAMES)
def test_tangents(name: str) -> None:
    op = OPERATORS[name]
    theirs, ours = function(torch, op.name), function(reference, op.name)
    assert theirs and ours
    dtype = next(dtype for dtype in DTYPES if dtype in op.supported_dtypes("cpu"))
    for args, kwargs in samples(op, dtype, 2):
        expected = tangents(torch, theirs, *mapped(for_torch, (args, kwargs)))
        got = tangents(reference, ours, *mapped(for_reference, (args, kwargs)))
        for a, b in zip(expected, got, strict=True):
            if a is None or b is None:  # torch has none where a derivative is known to be zero
                assert a is None and (b is None or not b._data.any())
            else:
                torch.testing.assert_close(b._data, a, rtol=1e-9, atol=1e-9, equal_nan=True)
