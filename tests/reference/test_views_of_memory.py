"""Views of any geometry, and several views at a time, next to torch's."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

import autograd_reference as ours

GEOMETRIES = st.tuples(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3), st.integers(0, 3), st.booleans()
)


def gradients(module: Any, axes: list[tuple[int, int]], offset: int, transposed: bool) -> list[Any]:
    """Value, gradient and the gradient of its square, through a geometry over a dense tensor."""
    x = module.arange(24, dtype=module.float64).reshape(4, 6).requires_grad_()
    y = (x.permute(1, 0) if transposed else x) * 1
    view = y.as_strided([length for length, _ in axes], [stride for _, stride in axes], offset)
    (first,) = module.autograd.grad((view * view * view).sum(), x, create_graph=True)
    (second,) = module.autograd.grad((first * first * x).sum(), x)
    return [each.tolist() for each in (view, first, second)]


@given(GEOMETRIES)
def test_as_strided(geometry: Any) -> None:
    assert gradients(ours, *geometry) == gradients(torch, *geometry)


def test_as_strided_reaches_all_of_the_base() -> None:
    x = ours.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (x * 2)[1:].as_strided((3,), (1,), 0)
    y.backward(ours.tensor([5.0, 7.0, 11.0]))
    assert (y.tolist(), x.grad.tolist()) == ([2, 4, 6], [10, 14, 22])


def test_as_strided_refuses_what_it_cannot_differentiate() -> None:
    x = ours.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="share places"):
        (x * 1).expand(3).as_strided((1,), (1,), 0)
    base = ours.ones(4)
    view = base.as_strided((2,), (2,), 0)
    view.mul_(3.0)
    assert base.tolist() == [3, 1, 3, 1]
    with pytest.raises(RuntimeError, match="as_strided"):
        view.mul_(x)
    base.mul_(x)
    with pytest.raises(RuntimeError, match="as_strided"):
        view.backward(ours.ones(2))


@pytest.mark.parametrize(
    "take", [lambda x: x.unbind(1), lambda x: x.split(2, 1), lambda x: x.split([1, 0, 4], 1), lambda x: x.unbind()]
)
def test_several_views(take: Any) -> None:
    x, y = (module.arange(10.0).reshape(2, 5) for module in (ours, torch))
    assert [each.tolist() for each in take(x)] == [each.tolist() for each in take(y)]
    assert all(each._base is x._base for each in take(x))


@pytest.mark.parametrize("take", [list, lambda x: x.split(2, 1), lambda x: x.split([1, 0, 4], 1), lambda x: x.chunk(2)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_several_views_are_outputs_of_one_node(take: Any, create_graph: bool) -> None:
    def seen(module: Any) -> Any:
        x = module.arange(10.0).reshape(2, 5).requires_grad_()
        first, *others = take(x * x)
        hooked: list[Any] = []
        first.grad_fn.register_hook(
            lambda given, got: hooked.append([each if each is None else each.tolist() for each in (*given, *got)])
        )
        alone = module.autograd.grad(first.sum(), x, retain_graph=True)[0]
        (gradient,) = module.autograd.grad(
            (others[0] * others[0]).sum(), x, create_graph=create_graph, retain_graph=True
        )
        second = module.autograd.grad(gradient.sum(), x, retain_graph=True)[0].tolist() if create_graph else None
        others[0].retain_grad()
        (first.sum() * others[0].sum()).backward()
        same = [each.grad_fn is first.grad_fn for each in others]
        numbers = [each.output_nr for each in (first, *others)]
        return (
            hooked,
            alone.tolist(),
            gradient.tolist(),
            second,
            others[0].grad.tolist(),
            x.grad.tolist(),
            same,
            numbers,
        )

    assert seen(ours) == seen(torch)


@pytest.mark.parametrize("take", [list, lambda x: x.split(2), lambda x: x.split([1]), lambda x: x.chunk(2)])
def test_a_part_may_be_the_whole(take: Any) -> None:
    def gradient(module: Any) -> Any:
        x = module.arange(5.0).reshape(1, 5).requires_grad_()
        (part,) = take(x)
        (part * part).sum().backward()
        return x.grad.tolist(), type(part.grad_fn).__name__

    assert gradient(ours) == gradient(torch)


@pytest.mark.parametrize("module", [ours, torch])
@pytest.mark.parametrize("lengths", [0, -1, [1, 2], [-1, 6]])
def test_split_refuses(module: Any, lengths: Any) -> None:
    with pytest.raises(RuntimeError, match="split"):
        module.ones(5).split(lengths)
