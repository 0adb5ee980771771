"""What the catalogue says of element types, complex numbers, indexing, errors, randomness and copies: on torch and on the reference."""

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

import autograd_reference as reference

inf, nan = math.inf, math.nan
both = pytest.mark.parametrize("lib", [torch, reference], ids=["torch", "reference"])


def gradient(lib: Any, function: Callable[[Any], Any], at: Any, dtype: Any = torch.float64) -> list[Any]:
    """The gradient of the sum of a function."""
    x = lib.tensor(at, dtype=dtype, requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()


# Element types.


@both
def test_each_operand_gets_its_own_dtype(lib: Any) -> None:
    single, double = (lib.ones(2, dtype=dtype, requires_grad=True) for dtype in (torch.float32, torch.float64))
    for function in (
        lambda: single * double,
        lambda: lib.where(lib.tensor([True, False]), single, double),
        lambda: lib.cat([single, double]),
    ):
        result = function()
        assert result.dtype is torch.float64
        result.sum().backward()
    assert (single.grad.dtype, double.grad.dtype) == (torch.float32, torch.float64)
    half, brain = lib.ones(1, dtype=torch.float16), lib.ones(1, dtype=torch.bfloat16)
    assert (half * brain).dtype is torch.float32
    assert (single * lib.tensor(2.0, dtype=torch.float64)).dtype is torch.float32
    assert (lib.tensor([1, 2]) * 2.5).dtype is torch.float32
    assert (lib.tensor([1, 2]) * lib.tensor(2.5, dtype=torch.float64)).dtype is torch.float64
    assert lib.result_type(single, double) is torch.float64 and lib.can_cast(torch.float32, torch.float64)


@both
def test_casts(lib: Any) -> None:
    x = lib.tensor([1.5, 2.5], requires_grad=True)
    x.double().half().to(torch.float32).sum().backward()
    assert x.grad.tolist() == [1, 1] and x.grad.dtype is torch.float32
    assert x.float() is x and x.to(torch.float32) is x and x.to(x) is x and x.type(torch.float32) is x
    assert not x.long().requires_grad and x.long().dtype is torch.int64 and x.int().tolist() == [1, 2]
    assert x.to("cpu", torch.float64).requires_grad and x.type_as(x.double()).dtype is torch.float64
    assert x.to(torch.float32, copy=True) is not x
    assert x.type() == "torch.FloatTensor" and x.itemsize == 4 and x.nbytes == 8 and x.element_size() == 4


@both
def test_integers(lib: Any) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    (x * lib.tensor([2, 3]) * lib.tensor([True, False]) + x ** lib.tensor([2, 3])).sum().backward()
    assert x.grad.tolist() == [4, 12]
    integers = lib.tensor([1, 2], dtype=torch.int8)
    assert integers.sum().dtype is torch.int64
    for wrong in (lambda: integers.mean(), lambda: integers**-1):
        with pytest.raises(RuntimeError):
            wrong()
    single, double = lib.ones(2, 2), lib.ones(2, 2, dtype=torch.float64)
    with pytest.raises(RuntimeError):
        single @ double
    with pytest.raises(RuntimeError):
        single[lib.tensor([0])] = double[:1]
    single[0] = double[0] * 3
    assert single[0].tolist() == [3, 3]
    low = lib.tensor([60000.0], dtype=torch.float16, requires_grad=True)
    (low * 60000).backward()
    (low * 60000).backward()
    assert low.grad.tolist() == [inf] and low.grad.dtype is torch.float16


# Complex numbers.


@both
def test_complex(lib: Any) -> None:
    z = lib.tensor([1 + 2j], requires_grad=True)
    (z.real**2 + z.imag**2).sum().backward()
    assert z.grad.tolist() == [2 + 4j]
    z.grad = None
    (z.abs() ** 2).sum().backward()
    assert z.grad.tolist() == pytest.approx([2 + 4j])
    w = lib.tensor([2.0], requires_grad=True)
    (w * z.detach()).backward(lib.tensor([1 + 0j]))
    assert w.grad.tolist() == [1]
    w.grad = None
    lib.complex(w, w * 2).abs().sum().backward()
    assert w.grad.tolist() == pytest.approx([math.sqrt(5)])
    for root in ((z * z).sum(), z[0] * 1):
        with pytest.raises(RuntimeError):
            root.backward()
    zero = lib.tensor([0j], requires_grad=True)
    (zero.abs() + zero.angle()).sum().backward()
    assert zero.grad.tolist() == [0]


@both
def test_parts_of_complex_numbers_are_views(lib: Any) -> None:
    z = lib.tensor([1 + 2j, 3 - 1j])
    assert z.real._base is z and z.imag._base is z and lib.view_as_real(z)._base is z and z.conj()._base is z
    assert z.conj().is_conj() and lib.view_as_complex(lib.view_as_real(z)).tolist() == z.tolist()
    z.real = lib.tensor([5.0, 6.0])
    z.imag[0] = 7
    assert z.tolist() == [5 + 7j, 6 - 1j]
    leaf = lib.tensor([1 + 2j], requires_grad=True)
    y = leaf * 1
    y.imag.mul_(3)
    (y.real + y.imag).sum().backward()
    assert leaf.grad.tolist() == [1 + 3j]
    assert leaf.conj().resolve_conj().tolist() == [1 - 2j]


# Indexing.


@both
def test_what_is_read_twice_sums(lib: Any) -> None:
    index = lib.tensor([0, 0, 1])
    for read in (
        lambda x: x.index_select(0, index),
        lambda x: x.gather(0, index),
        lambda x: x.take(index),
        lambda x: x[index],
        lambda x: x[[0, 0, 1]],
        lambda x: lib.take_along_dim(x, index, 0),
    ):
        assert gradient(lib, read, [1.0, 2.0, 3.0]) == [2, 1, 0]
    assert gradient(lib, lambda x: x.repeat(2), [1.0, 2.0]) == [2, 2]
    assert gradient(lib, lambda x: x.repeat_interleave(2), [1.0, 2.0]) == [2, 2]
    assert gradient(lib, lambda x: x.repeat_interleave(lib.tensor([1, 3])), [1.0, 2.0]) == [1, 3]
    assert lib.repeat_interleave(lib.tensor([1, 0, 2])).tolist() == [0, 2, 2]
    assert gradient(lib, lambda x: x[lib.tensor([False, False])], [1.0, 2.0]) == [0, 0]
    assert gradient(lib, lambda x: x[[]], [1.0, 2.0]) == [0, 0]


@both
def test_overwriting_scatter(lib: Any) -> None:
    index = lib.tensor([2, 0])
    mask = lib.tensor([True, False, True])
    for write in (
        lambda x, s: x.scatter(0, index, s),
        lambda x, s: x.index_copy(0, index, s),
        lambda x, s: x.index_put((index,), s),
        lambda x, s: x.masked_scatter(mask, s),
        lambda x, s: x.put(index, s),
        lambda x, s: (x * 1).scatter_(0, index, s),
        lambda x, s: (x * 1).masked_scatter_(mask, s),
        lambda x, s: (x * 1).index_put_((index,), s),
    ):
        x, source = lib.ones(3, requires_grad=True), lib.ones(2, requires_grad=True)
        (write(x, source) * lib.tensor([1.0, 2.0, 3.0])).sum().backward()
        assert x.grad.tolist() == [0, 2, 0] and sorted(source.grad.tolist()) == [1, 3]
    assert gradient(lib, lambda x: x.index_fill(0, index, 5.0), [1.0, 1.0, 1.0]) == [0, 1, 0]
    for write in (
        lambda x, s: x.scatter_add(0, lib.tensor([1, 1]), s),
        lambda x, s: x.index_add(0, lib.tensor([1, 1]), s),
        lambda x, s: x.index_put((lib.tensor([1, 1]),), s, accumulate=True),
        lambda x, s: x.scatter_reduce(0, lib.tensor([1, 1]), s, "sum"),
    ):
        x, source = lib.ones(3, requires_grad=True), lib.ones(2, requires_grad=True)
        (write(x, source) * lib.tensor([1.0, 2.0, 3.0])).sum().backward()
        assert x.grad.tolist() == [1, 2, 3] and source.grad.tolist() == [2, 2]


@both
@pytest.mark.parametrize(
    "wrong",
    [
        lambda lib, x: x[3],
        lambda lib, x: x[lib.tensor([3])],
        lambda lib, x: x[lib.tensor([True, False])],
        lambda lib, x: x[lib.tensor([0.5])],
        lambda lib, x: x.index_select(0, lib.tensor([7])),
        lambda lib, x: x.sum(4),
        lambda lib, x: x.gather(0, lib.tensor([5])),
        lambda lib, x: x.reshape(5),
        lambda lib, x: lib.cat([]),
        lambda lib, x: lib.stack([x, x[:2]]),
        lambda lib, x: x + x[:2],
        lambda lib, x: x @ x[:2],
        lambda lib, x: x + "a",
        lambda lib, x: "a" * x,
        lambda lib, x: len(x[0]),
        lambda lib, x: bool(x),
        lambda lib, x: x.clone().add_(lib.ones(2, 3)),
        lambda lib, x: lib.tensor([1]).add_(0.5),
        lambda lib, x: lib.add(x, x.requires_grad_(), out=lib.zeros(3)),
        lambda lib, x: lib.exp(x.requires_grad_(), out=lib.zeros(3)),
        lambda lib, x: copy.deepcopy(x.requires_grad_() * 2),
    ],
)
def test_errors_have_torchs_types(lib: Any, wrong: Any) -> None:
    kinds = []
    for each in (torch, lib):
        with pytest.raises(Exception) as caught:
            wrong(each, each.tensor([1.0, 2.0, 3.0]))
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


@both
def test_rearranging(lib: Any) -> None:
    weights = [1.0, 2.0, 3.0, 4.0]
    for move in (
        lambda x: x.flip(0),
        lambda x: x.roll(1),
        lambda x: lib.rot90(x.view(2, 2)).reshape(-1),
        lambda x: x.view(2, 2).t().reshape(-1),
        lambda x: lib.hstack([x[2:], x[:2]]),
        lambda x: x.view(2, 2).movedim(0, 1).flatten(),
        lambda x: lib.cat(x.chunk(2)[::-1]),
    ):
        order = [round(k) for k in move(lib.arange(4.0)).tolist()]
        expected = [weights[order.index(k)] for k in range(4)]
        assert gradient(lib, lambda x, move=move: move(x) * lib.tensor(weights), weights) == expected
    assert gradient(lib, lambda x: x.view(2, 2).tril() * 2, weights) == [2, 0, 2, 2]
    assert gradient(lib, lambda x: x.repeat(2, 1).tile(2), weights) == [4, 4, 4, 4]


# Attributes, randomness, copies and printing.


@both
def test_a_seed_gives_torchs_numbers(lib: Any) -> None:
    def draw(each: Any) -> list[Any]:
        each.manual_seed(1)
        x = each.rand(3)
        return [
            *(x, each.randn(2), each.randint(9, (3,)), each.randperm(5), each.bernoulli(x), each.normal(x, 1.0)),
            *(each.normal(0.0, 1.0, (2,)), each.multinomial(x, 2), each.poisson(x), each.rand_like(x)),
            *(each.empty(2).uniform_(), each.empty(2).normal_(1, 2), each.empty(2).exponential_()),
        ]

    assert [x.tolist() for x in draw(lib)] == [x.tolist() for x in draw(torch)]


@both
def test_what_is_drawn_is_constant(lib: Any) -> None:
    p = lib.tensor([0.5, 0.5], requires_grad=True)
    drawn = lib.bernoulli(p)
    (drawn * p).sum().backward()
    assert p.grad.tolist() == drawn.tolist()
    noise = lib.randn(2)
    mean, deviation = (lib.ones(2, requires_grad=True) for _ in range(2))
    (mean + deviation * noise).sum().backward()
    assert mean.grad.tolist() == [1, 1] and deviation.grad.tolist() == noise.tolist()
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    y.normal_()
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]


@both
def test_copies_and_scalars(lib: Any) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    x.sum().backward()
    twin = copy.deepcopy(x)
    assert twin.requires_grad and twin.grad.tolist() == [1, 1] and twin.grad is not x.grad
    if lib is reference:  # torch warns once in a process
        with pytest.warns(UserWarning):
            float(x[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x[0].item()
        float(x.detach()[0])
    x.data = lib.tensor([5.0, 6.0])
    assert x.tolist() == [5, 6] and x.is_leaf and x.requires_grad
    for like in (
        lib.zeros_like(x),
        lib.ones_like(x),
        lib.rand_like(x),
        lib.empty_like(x),
        x.new_tensor([1]),
        x.new_empty(2),
    ):
        assert not like.requires_grad and like.dtype is x.dtype
    assert lib.is_tensor(x) and lib.numel(x) == 2 and lib.equal(x, x) and lib.allclose(x, x) and not lib.is_complex(x)
    assert 5 in x.detach() and f"{x[0].detach():.2f}" == "5.00" and lib.as_tensor(x) is x


@both
def test_operators_of_the_language(lib: Any) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    for value, expected in (
        (2**x, [2, 4]),
        (5 % x, [0, 1]),
        (x % 2, [1, 0]),
        (5 // x.detach(), [5, 2]),
        (-x, [-1, -2]),
        (+x, [1, 2]),
        (abs(-x), [1, 2]),
        (3 - x, [2, 1]),
        (1 / x, [1, 0.5]),
    ):
        assert value.tolist() == expected
    integers = lib.tensor([1, 2, 3])
    assert (
        (integers & 1).tolist() == [1, 0, 1]
        and (integers ^ 1).tolist() == [0, 3, 2]
        and (1 << integers).tolist() == [2, 4, 8]
    )
    integers //= 2
    integers |= 4
    assert integers.tolist() == [4, 5, 5]


def test_printed_like_torchs() -> None:
    for make in (
        lambda lib: lib.tensor([1.0, 2.0], requires_grad=True),
        lambda lib: lib.tensor([1.0, 2.0], requires_grad=True) * 2,
        lambda lib: lib.tensor([[1, 2], [3, 4]]),
        lambda lib: lib.tensor([1.5], dtype=torch.float64, requires_grad=True).exp(),
        lambda lib: lib.tensor([True]),
        lambda lib: lib.tensor(1 + 2j),
        lambda lib: lib.zeros(0, 3),
        lambda lib: lib.tensor([1.0], requires_grad=True).sum(),
    ):
        assert repr(make(reference)) == repr(make(torch))
