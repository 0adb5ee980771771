"""Infinite and tiny values, and what is not to be read: they spoil nothing that does not depend on them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import autograd_reference as reference

inf = float("inf")
nan = float("nan")
F = reference.nn.functional


def both(x: list[Any], f: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The value, and the gradient of the sum of those elements that are numbers."""
    leaf = reference.tensor(x, dtype=reference.float64, requires_grad=True)
    y = f(leaf)
    y[y.isfinite()].sum().backward()
    assert leaf.grad is not None
    return y.tolist(), leaf.grad.tolist()


SHORT = [[[inf, 1.0, 2.0, 4.0]]]


@pytest.mark.parametrize(
    ("f", "value", "gradient"),
    [
        (lambda x: F.avg_pool1d(x, 2), [[[inf, 3.0]]], [[[0.0, 0.0, 0.5, 0.5]]]),
        (lambda x: F.adaptive_avg_pool1d(x, 2), [[[inf, 3.0]]], [[[0.0, 0.0, 0.5, 0.5]]]),
        (lambda x: F.max_pool1d(x, 2), [[[inf, 4.0]]], [[[0.0, 0.0, 0.0, 1.0]]]),
        (lambda x: F.interpolate(x, 2, mode="linear"), [[[inf, 3.0]]], [[[0.0, 0.0, 0.5, 0.5]]]),
        (lambda x: F.interpolate(x, 2), [[[inf, 2.0]]], [[[0.0, 0.0, 1.0, 0.0]]]),
        (lambda x: F.local_response_norm(x.mT, 1, 1.0, 1.0, 0.0)[:, 1:], [[[1.0], [0.5], [0.25]]], None),
    ],
)
def test_an_infinite_value_stays_in_its_window(f: Any, value: Any, gradient: Any) -> None:
    got = both(SHORT, f)
    assert got[0] == value
    assert gradient is None or got[1] == gradient


@pytest.mark.parametrize(
    ("name", "x", "f", "value", "gradient"),
    [
        ("a power of one", [inf, 2.0], lambda x: reference.linalg.vander(x, N=2)[1], [1.0, 2.0], [0.0, 1.0]),
        ("norm of what is tiny", [1e-200], lambda x: x.norm(3, 0), 1e-200, [1.0]),
        ("prelu, infinite slope", [2.0, 3.0], lambda x: F.prelu(x, reference.tensor(inf)), [2.0, 3.0], [1.0, 1.0]),
        (
            "an infinite variance",
            [1.0, inf],
            lambda var: F.gaussian_nll_loss(reference.ones(2), reference.ones(2), var, reduction="none"),
            [0.0, inf],
            [0.5, 0.0],
        ),
        (
            "a pixel beyond the edge",
            [[[[1.0, inf]]]],
            lambda x: F.grid_sample(x, reference.tensor([[[[-1.0, 0.0], [5.0, 0.0]]]]), align_corners=False),
            [[[[0.5, 0.0]]]],
            [[[[0.5, 0.0]]]],
        ),
    ],
)
def test_what_an_extreme_value_leaves_alone(name: str, x: Any, f: Any, value: Any, gradient: Any) -> None:
    got = both(x, f)
    for given, expected in zip(got, (value, gradient), strict=True):
        torch.testing.assert_close(torch.tensor(given), torch.tensor(expected), msg=name)


def test_a_position_that_is_no_number_gives_none() -> None:
    grid = reference.tensor([[[[nan, 0.0], [0.0, 0.0]]]])
    found = F.grid_sample(reference.ones(1, 1, 2, 2), grid, align_corners=False)
    assert found.isnan().tolist() == [[[[True, False]]]]


@pytest.mark.parametrize("upper", [False, True])
def test_the_other_triangle_of_a_factor_is_not_read(upper: bool) -> None:
    """torch reads it for the gradient."""
    rows = [[2.0, 7.0], [1.0, 3.0]]
    x = reference.tensor(rows, dtype=reference.float64, requires_grad=True)
    y = reference.tensor([[1.0], [2.0]], dtype=reference.float64, requires_grad=True)
    plain = torch.tensor(rows, dtype=torch.float64)
    expected = torch.cholesky_inverse(plain, upper=upper)
    torch.testing.assert_close(reference.cholesky_inverse(x, upper=upper).detach()._data, expected)
    assert reference.autograd.gradcheck(lambda x: reference.cholesky_inverse(x, upper=upper), (x,))
    assert reference.autograd.gradcheck(lambda x, y: reference.cholesky_solve(y, x, upper=upper), (x, y))
