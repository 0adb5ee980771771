"""Odd corners, on torch and on the reference engine: what holds of one holds of the other."""

from typing import Any

import numpy as np
import pytest
import torch as real
import torch.utils.checkpoint

import autograd_reference as reference

pytestmark = [
    pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"]),
    pytest.mark.filterwarnings("ignore"),  # what torch imports for transforms
]


def leaf(torch: Any, *values: float) -> Any:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def first_and_second(torch: Any, f: Any, x: Any) -> tuple[list[float], list[float]]:
    (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, materialize_grads=True)
    return first.tolist(), second.tolist()


def test_cross_entropy_is_finite_at_its_ends(torch: Any) -> None:
    x, target = leaf(torch, 0, 1, 0, 1, 0.5), leaf(torch, 0, 1, 1, 0, 1)
    loss = torch.nn.functional.binary_cross_entropy(x, target, reduction="none")
    loss.sum().backward()
    assert loss.tolist()[:4] == [0, 0, 100, 100] and x.grad[:2].tolist() == [0, 0] and x.grad[4].item() == -2
    assert x.grad[2:4].tolist() == pytest.approx([-1e12, 1e12])
    assert target.grad[4].item() == 0


def test_second_derivatives_at_kinks(torch: Any) -> None:
    functional = torch.nn.functional
    assert first_and_second(torch, lambda x: functional.elu(x, 0.5), leaf(torch, 0, 1)) == ([0.5, 1], [0, 0])
    assert first_and_second(torch, functional.celu, leaf(torch, 0, 1)) == ([1, 1], [0, 0])
    zeros = torch.zeros(3, dtype=torch.float64)
    huber = lambda x: functional.huber_loss(x, zeros, reduction="none", delta=2.0)
    assert first_and_second(torch, huber, leaf(torch, 2, -2, 1)) == ([2, -2, 1], [0, 0, 1])


def test_what_pack_hooks_are_given(torch: Any) -> None:
    given: list[Any] = []
    x = leaf(torch, 1, 2)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: given.append(x) or x, lambda x: x):
        y = (x * 3).exp()
        z = x * x
    assert given[0].requires_grad and given[0].grad_fn.name() == "ExpBackward0" and not given[0].is_leaf
    assert given[1] is x and given[2] is x
    (y + z).sum().backward()
    assert torch.allclose(x.grad, 3 * y + 2 * x)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x * 1, lambda x: x * 1):
        w = (x * x).exp().sum()
    assert torch.allclose(torch.autograd.grad(w, x)[0], 2 * x * (x * x).exp())


def test_regions_stop_when_all_is_there(torch: Any) -> None:
    utils, ends = torch.utils.checkpoint, []

    def region(x: Any) -> Any:
        y = x.exp().sin()
        ends.append(1)
        return y

    x = leaf(torch, 1)
    utils.checkpoint(region, x, use_reentrant=False).backward()
    assert len(ends) == 1
    for early in (True, False):
        with utils.set_checkpoint_early_stop(early):
            y = utils.checkpoint(region, x, use_reentrant=False)
        y.backward()
    assert len(ends) == 4
    utils.checkpoint(region, x, use_reentrant=False, early_stop=False).backward()
    assert len(ends) == 6 and torch.allclose(x.grad, 4 * x.exp() * x.exp().cos())


def test_refused(torch: Any) -> None:
    x = torch.ones(2)
    for mode in (1, "x", None):
        with pytest.raises(TypeError, match="must be bool"):
            torch.set_grad_enabled(mode)
    for call in (lambda: torch.vmap(torch.sin, chunk_size=0)(x), lambda: torch.func.jacrev(torch.sin, chunk_size=0)(x)):
        with pytest.raises(ValueError, match="greater than 0"):
            call()
    with pytest.raises(RuntimeError, match="argspec"):
        torch.func.linearize(torch.sin, x)[1](x, x)
    with torch.autograd.forward_ad.dual_level(), pytest.raises(TypeError, match="must be Tensor"):
        torch.autograd.forward_ad.unpack_dual(5)
    with pytest.raises(NotImplementedError):
        torch.autograd.Function.apply(x)
    w = leaf(torch, 1)
    for inputs in ("a", [None]):
        with pytest.raises(RuntimeError, match="all inputs have to be Tensors"):
            (w * 2).backward(inputs=inputs)
    with torch.autograd.set_multithreading_enabled(False):
        assert torch.is_grad_enabled()


def test_products_by_lists_of_labels(torch: Any) -> None:
    a, b = torch.arange(6.0).reshape(2, 3), torch.arange(12.0).reshape(3, 4)
    assert torch.equal(torch.einsum(a, [0, 1], b, [1, 2], [0, 2]), a @ b)
    assert torch.equal(torch.einsum(a, [0, 1], b, [1, 2]), a @ b)
    assert torch.equal(torch.einsum(a, [..., 7], [7, ...]), a.T)


def test_empty_batches(torch: Any) -> None:
    empty = torch.ones(0, 3)
    total, double = torch.vmap(lambda x: (x.sum(), x * 2), out_dims=(0, 1))(empty)
    assert total.shape == (0,) and double.shape == (3, 0)


def test_a_number_added_several_times_is_no_size(torch: Any) -> None:
    x = torch.ones(2)
    results = [x.add(1, alpha=2), x.sub(1, alpha=2), torch.ones(2).add_(1, alpha=3), torch.ones(2).sub_(2, alpha=2)]
    assert [each.tolist() for each in results] == [[3, 3], [-1, -1], [4, 4], [-3, -3]]


def test_of_two_numbers_functions_make_a_tensor(torch: Any) -> None:
    results = [torch.add(3, 2), torch.sub(3, 2.5), torch.mul(3, 2), torch.div(3, 2)]
    assert [each.item() for each in results] == [5, 0.5, 6, 1.5]
    assert [each.dtype for each in results] == [torch.int64, torch.float32, torch.int64, torch.float32]


def test_memory_without_a_version_is_not_saved(torch: Any) -> None:
    with pytest.raises(TypeError, match=r"numpy\.ndarray"):
        leaf(torch, 1, 2).mul(np.ones(2))


def test_an_array_is_an_operand(torch: Any) -> None:
    array = np.array([1.0, 2.0])
    results = [torch.ones(2) + array, torch.ones(2) * array, torch.ones(2) / array]
    assert [each.tolist() for each in results] == [[2, 3], [1, 2], [1, 0.5]]
    assert all(each.dtype == torch.float64 for each in results)


@pytest.mark.parametrize("flag", ["a", 1, None])
def test_a_flag_is_true_or_false(torch: Any, flag: Any) -> None:
    with pytest.raises(TypeError, match="must be bool"):
        torch.ones(2).requires_grad_(flag)


def test_nodes_of_activations_tell_what_they_saved(torch: Any) -> None:
    assert torch.nn.functional.leaky_relu(leaf(torch, 1), 0.5).grad_fn._saved_negative_slope == 0.5
