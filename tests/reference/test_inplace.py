"""Writes in place and views: histories, versions, refusals."""

from collections.abc import Callable
from typing import Any

import pytest

import autograd_reference as torch


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


def gradient(y: torch.Tensor, x: torch.Tensor) -> Any:
    return torch.autograd.grad(y.sum(), x, retain_graph=True)[0].tolist()


WRITES: list[Callable[[Any], Any]] = [
    lambda x: x.add_(1),
    lambda x: x.sub_(1),
    lambda x: x.mul_(2),
    lambda x: x.div_(2),
    lambda x: x.neg_(),
    lambda x: x.pow_(2),
    lambda x: x.exp_(),
    lambda x: x.tanh_(),
    lambda x: x.relu_(),
    lambda x: x.copy_(torch.ones(2)),
    lambda x: x.fill_(3),
    lambda x: x.zero_(),
    lambda x: x.__setitem__(0, 1.0),
    lambda x: x.__setitem__([0], 1.0),
    lambda x: x.__iadd__(1),
]


@pytest.mark.parametrize("write", WRITES)
def test_leaf_is_refused_unless_recording_is_off(write: Callable[[Any], Any]) -> None:
    x = leaf(1, 2)
    for target in (x, x.view(2), x[None][0]):
        with pytest.raises(RuntimeError, match="leaf"):
            write(target)
    assert x.tolist() == [1, 2] and x._version == 0
    with torch.no_grad():
        write(x)
    assert x.requires_grad and x.is_leaf and x._version == 1


@pytest.mark.parametrize("write", [*WRITES[:10], *WRITES[12:]])
def test_expanded_target_is_refused(write: Callable[[Any], Any]) -> None:
    x = torch.ones(1).expand(2)
    if write is WRITES[12] or write is WRITES[13]:
        write = lambda t: t.__setitem__(slice(None), 1.0)
    with pytest.raises(RuntimeError, match="single memory location"):
        write(x)
    assert x._version == 0


@pytest.mark.parametrize("write", WRITES)
def test_write_equals_its_functional_form(write: Callable[[Any], Any]) -> None:
    x = leaf(0.5, 2)
    whole = x * 1
    write(whole)
    base = x * 1
    part = base.view(1, 2).squeeze(0)
    write(part)
    assert part.tolist() == whole.tolist() == base.tolist()
    expected = gradient(whole, x)
    assert gradient(part, x) == expected == gradient(base, x)


def test_constant_becomes_non_leaf_with_all_its_views() -> None:
    x, base = leaf(1, 2), torch.ones(2, 2)
    first, second = base[0], base[:, 1]
    first.mul_(x)
    assert all(t.requires_grad and not t.is_leaf for t in (base, first, second))
    assert gradient(base, x) == [1, 1] and second.tolist() == [2, 1]
    first, second = torch.ones(2, 2), None
    second = first[0]
    second.mul_(x)
    assert gradient(first[:, 0], x) == [1, 0] and base.grad_fn.name() == "torch::autograd::CopySlices"


def test_write_to_base_reaches_views() -> None:
    x = leaf(1, 2)
    base = x * 1
    view = base[1:]
    nested = view.unsqueeze(0)
    base.mul_(x * 3)
    assert gradient(view, x) == [0, 12] and gradient(nested, x) == [0, 12]


@pytest.mark.parametrize(
    "overlapping",
    [
        lambda y: y.add_(y[:, :1]),
        lambda y: y.mul_(y.t()),
        lambda y: y[1:].add_(y[:-1]),
        lambda y: y.__setitem__(slice(1, None), y[:-1]),
        lambda y: y[:, 0].sub_(y[0]),
        lambda y: y.__setitem__([0, 1], y[1:]),
    ],
)
def test_overlapping_operand_is_refused(overlapping: Callable[[Any], Any]) -> None:
    y = torch.arange(9.0).reshape(3, 3)
    with pytest.raises(RuntimeError, match="single memory location"):
        overlapping(y)
    assert y.tolist() == torch.arange(9.0).reshape(3, 3).tolist() and y._version == 0


def test_disjoint_or_equal_operand_is_accepted() -> None:
    y = torch.arange(9.0).reshape(3, 3)
    y[:, 0].add_(y[:, 1])
    y[::2, ::2].mul_(y[::2, 1:2])
    y.add_(y)
    y.view(9).add_(y.reshape(9))
    assert y.tolist() == [[4, 4, 8], [28, 16, 20], [364, 28, 224]]


def test_self_operand() -> None:
    x = leaf(2, 3)
    y = x * 1
    y.mul_(y)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.sum().backward()
    z = x * 1
    z.mul_(x)
    assert gradient(z, x) == [4, 6]


@pytest.mark.parametrize("through", [lambda y: y, lambda y: y.detach(), lambda y: y.view(2)[:1], lambda y: y[None]])
@pytest.mark.parametrize("recorded", [True, False])
def test_saved_value_modified(through: Callable[[Any], Any], recorded: bool) -> None:
    x = leaf(2, 3)
    y = x * 1
    operand, result = y * y, y.exp()
    with torch.set_grad_enabled(recorded):
        through(y).add_(1)
        through(result).add_(1)
    for z in (operand, result):
        with pytest.raises(RuntimeError, match="modified by an inplace"):
            z.sum().backward()
    assert y._version == y.detach()._version == 1


def test_unsaved_value_modified() -> None:
    x = leaf(2, 3)
    y = x * 1
    z = (y + 1).sum()
    y.mul_(2)
    assert gradient(z, x) == [1, 1]


@pytest.mark.parametrize("apply", [lambda c, y: c * y, lambda c, y: c @ y, lambda c, y: torch.where(c > 1, y, c)])
def test_operand_of_a_constant_is_not_saved(apply: Callable[[Any, Any], Any]) -> None:
    x, constant = leaf(2, 3), torch.tensor([1.0, 2.0])
    y = x * 1
    z = apply(constant, y).sum()
    y.mul_(2)
    assert gradient(z, x)


def test_modified_index() -> None:
    x, index = leaf(2, 3), torch.tensor([0, 1])
    for y in (x[index], x.index_select(0, index), x.gather(0, index)):
        index.zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace"):
            y.sum().backward()


def test_data_has_a_version_of_its_own() -> None:
    x = leaf(2, 3)
    y = (x * x).sum()
    x.data.mul_(10)
    assert x._version == 0 and gradient(y, x) == [40, 60]


def test_write_without_recording_keeps_history() -> None:
    x = leaf(2, 3)
    y = x * 2
    node = y.grad_fn
    with torch.no_grad():
        y.mul_(5)
    assert y.grad_fn is node and y.tolist() == [20, 30] and y._version == 1 and gradient(y, x) == [2, 2]


def test_view_made_without_recording() -> None:
    x = leaf(2, 3)
    y = x * 1
    with torch.no_grad():
        view = y[:1]
        view.mul_(2)
    assert not view.requires_grad and view._base is y
    nested = view.view(1)
    for target in (view, nested):
        with pytest.raises(RuntimeError, match="no_grad"):
            target.mul_(x[:1])
    y.mul_(2)
    with pytest.raises(RuntimeError, match="no_grad"):
        view * 2
    with torch.no_grad():
        assert (view * 2).tolist() == [16]


def test_shape_and_dtype_are_kept() -> None:
    for target, operand in [
        (torch.ones(1), torch.ones(3)),
        (torch.tensor([1]), torch.tensor([0.5])),
        (torch.ones(2), torch.ones(2, dtype=torch.complex64)),
    ]:
        with pytest.raises(RuntimeError):
            target.add_(operand)
        assert target._version == 0
    assert torch.ones(2).add_(torch.ones(2, dtype=torch.float64)).dtype is torch.float32


def test_assignment_routes_gradients() -> None:
    x, v, s = leaf(1, 2, 3, 4), leaf(5, 6), leaf(7)
    y = x * 1
    y[1:3] = v
    y[[0]] = s
    y[torch.tensor([False, False, False, True])] = s * 2
    y.backward(torch.tensor([1.0, 10, 100, 1000]))
    assert (x.grad.tolist(), v.grad.tolist(), s.grad.tolist()) == ([0, 0, 0, 0], [10, 100], [2001])


def test_base_and_steps() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    base = x._base
    view = x[1].t()[1:3, ::2].unsqueeze(0)
    assert view._base is base and base._base is None
    assert view.stride() == (4, 1, 8) or view._data.storage_offset() == view.storage_offset()
    for i in range(2):
        for j in range(2):
            offset = view.storage_offset() + i * view.stride(1) + j * view.stride(2)
            assert view[0, i, j].item() == base.tolist()[offset]


def test_what_copies_and_what_returns_itself() -> None:
    x = torch.ones(2, 3)
    assert x.contiguous() is x and x.to(torch.float32) is x and torch.ones(2).flatten().shape == (2,)
    for view in (x.view(6), x.reshape(6), x.detach(), x.t(), x.expand(2, 3), x.squeeze(), x.flatten()):
        assert view is not x and view._storage is x._storage
    for copy in (x.clone(), x.t().reshape(6), x[[0]], x[x > 0], x.index_select(0, torch.tensor([0])), torch.cat([x])):
        assert copy._storage is not x._storage and copy._base is None
    with pytest.raises(RuntimeError):
        x.t().view(6)


@pytest.mark.parametrize("k", range(3))
def test_metadata_of_many_writes(k: int) -> None:
    x = leaf(1, 2, 3)
    y = x * 1
    for _ in range(k):
        y[k - 1].mul_(2)
    assert y._version == k and gradient(y, x)[k - 1] == 2**k


def test_the_error_names_what_was_overwritten() -> None:
    y = torch.ones(3, requires_grad=True).exp()
    y.add_(1)
    expected = (
        r"\[torch.FloatTensor \[3\]\], which is output 0 of Exp, is at version 1; expected version 0 instead. Hint: "
    )
    with pytest.raises(RuntimeError, match=expected):
        y.sum().backward()


@pytest.mark.parametrize("parts", [lambda y: y.unbind(), lambda y: y.split(1), lambda y: y.chunk(2), list])
def test_views_that_were_made_at_a_time_are_not_written(parts: Callable[[Any], Any]) -> None:
    x = torch.ones(2, 2, requires_grad=True)
    for write in (lambda y, one: one.mul_(2), lambda y, one: one[0:1].mul_(2), lambda y, one: y.mul_(2) + one):
        y = x * 1
        with pytest.raises(RuntimeError, match="function that returns multiple views"):
            write(y, parts(y)[0])
    plain = torch.zeros(2, 2)
    parts(plain)[0].add_(1)
    assert plain.tolist() in ([[1, 1], [0, 0]], [[[1, 1]], [[0, 0]]])
