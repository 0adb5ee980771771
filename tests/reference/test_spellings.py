"""What torch lets users write in several ways: arguments by position or by name, functions or methods, namespaces."""

import functools
import inspect
import types
from typing import Any

import pytest
import torch

import autograd_reference as reference
from autograd_reference.definition import named_as_in_torch, torchs_arguments

both = pytest.mark.parametrize("lib", [torch, reference], ids=["torch", "reference"])
# Whose arguments torch names in two ways, or tells nobody the names of.
OWN_NAMES = {"as_tensor", "from_numpy", "logsigmoid", "swapaxes", "unique"}
FUNCTIONS = [
    (f"{prefix}{name}", function, getattr(theirs, name))
    for prefix, ours, theirs in (
        ("", reference, torch),
        ("nn.functional.", reference.nn.functional, torch.nn.functional),
        ("special_", reference.special, torch.special),
    )
    for name, function in vars(ours).items()
    if isinstance(function, (types.FunctionType, functools.partial)) and hasattr(theirs, name) and name not in OWN_NAMES
]


@pytest.mark.parametrize(("name", "ours", "theirs"), FUNCTIONS, ids=[name for name, *_ in FUNCTIONS])
def test_arguments_have_torchs_names(name: str, ours: Any, theirs: Any) -> None:
    own = {each.name for each in inspect.signature(ours).parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD}
    names = {each for form in torchs_arguments(name.rpartition(".")[2], theirs) for each in form}
    later = {
        "divisor_override",
        "scale",
        "enable_gqa",
        "inplace",
        "dtype",
    }  # which torch has by keyword only, or elsewhere
    assert not names or own <= names | later


def test_only_names_that_torch_does_not_have_are_changed() -> None:
    def gather(x: Any, dim: int, y: Any) -> Any:
        return lambda: (x, dim, y)

    renamed: Any = named_as_in_torch("gather", gather)
    assert renamed(input=1, dim=2, index=3)() == (1, 2, 3) and renamed(1, 2, 3)() == (1, 2, 3)
    own: Any = named_as_in_torch("no operator of torch", lambda x, twice: x)
    assert own(input=1, twice=2) == 1


@both
def test_arguments_by_name(lib: Any) -> None:
    x, y = lib.tensor([1.0, 3.0], requires_grad=True), lib.tensor([2.0, 1.0])
    index = lib.tensor([1, 0])
    assert lib.mul(input=x, other=y).tolist() == [2, 3] and x.mul(other=y).tolist() == [2, 3]
    assert lib.add(input=x, other=y, alpha=2).tolist() == [5, 5]
    assert lib.max(x, other=y).tolist() == [2, 3] and lib.pow(input=x, exponent=2).tolist() == [1, 9]
    assert lib.where(condition=x > y, input=x, other=y).tolist() == [2, 3]
    assert lib.lerp(input=x, end=y, weight=0.5).tolist() == [1.5, 2]
    assert lib.gather(input=x, dim=0, index=index).tolist() == [3, 1]
    assert lib.scatter_add(y, dim=0, index=index, src=x).tolist() == [5, 2]
    assert lib.addcmul(input=x, tensor1=x, tensor2=y, value=2).tolist() == [5, 9]
    assert lib.mm(input=x[None], mat2=y[:, None]).tolist() == [[5]]
    assert lib.tensordot(a=x, b=y, dims=1).item() == 5 and x.clone().sub_(other=y).tolist() == [-1, 2]
    assert lib.nn.functional.relu(input=-x).tolist() == [0, 0]
    assert lib.nn.functional.linear(input=x, weight=y[None], bias=None).tolist() == [5]
    assert lib.nn.functional.max_pool1d(input=x[None], kernel_size=2).tolist() == [[3]]
    grid = lib.arange(6).reshape(shape=(2, 3))
    assert lib.permute(grid, dims=(1, 0)).tolist() == grid.T.tolist() and lib.flip(grid, dims=[0])[0, 0] == 3
    assert lib.broadcast_to(x, size=(2, 2)).shape == lib.tile(x, dims=(2, 1)).shape == x.repeat(repeats=(2, 1)).shape
    with pytest.raises(TypeError):
        lib.mul(x, others=y)


@both
def test_names_of_types(lib: Any) -> None:
    assert lib.LongTensor([1, 2]).dtype is torch.int64 and lib.FloatTensor([1, 2]).tolist() == [1.0, 2.0]
    assert lib.ones(2).type(lib.DoubleTensor).dtype is lib.ones(2).type("torch.DoubleTensor").dtype is torch.float64
    for make in (lambda: lib.tensor([1], requires_grad=True), lambda: lib.ones(2, dtype=lib.int32, requires_grad=True)):
        with pytest.raises(
            RuntimeError, match="Only Tensors of floating point and complex dtype can require gradients"
        ):
            make()


@both
def test_the_class_is_called(lib: Any) -> None:
    assert lib.Tensor([1, 2]).dtype is lib.Tensor(2, 3).dtype is lib.float32 and lib.Tensor([1, 2]).tolist() == [1, 2]
    assert lib.Tensor(2, 3).shape == lib.Tensor(lib.Size([2, 3])).shape == (2, 3) and lib.Tensor().shape == (0,)
    assert lib.Tensor((2, 3)).tolist() == [2, 3] and lib.Tensor([lib.tensor(1), lib.tensor(2)]).tolist() == [1, 2]
    x = lib.tensor([1, 2], dtype=lib.float64, requires_grad=True)
    whole = lib.Tensor(x * 1)
    assert whole.dtype is lib.float64 and whole._is_view() and not whole.is_leaf
    (whole.mul_(2)._base * whole).sum().backward()
    assert x.grad.tolist() == [8, 16]
    for wrong in (lambda: lib.Tensor(2.5), lambda: lib.Tensor(None), lambda: lib.Tensor(2, [3])):
        with pytest.raises(TypeError):
            wrong()


@both
def test_variables_of_old(lib: Any) -> None:
    x = lib.ones(2)
    variable = lib.autograd.Variable(x, requires_grad=True)
    assert variable is not x and variable.requires_grad and not x.requires_grad and variable.is_leaf
    assert isinstance(x, lib.autograd.Variable) and not isinstance(1, lib.autograd.Variable)
    variable.data.mul_(3)
    assert x.tolist() == [3, 3] and not lib.autograd.Variable(variable * 2).requires_grad


def test_powers_have_gradients() -> None:
    x = reference.tensor([0.0, 2.0, 3.0], requires_grad=True)  # of torch.vander itself PyTorch loses what it saved
    assert reference.vander(x).tolist() == [[0, 0, 1], [4, 2, 1], [9, 3, 1]]
    reference.vander(x, 4, increasing=True).sum().backward()
    assert x.grad.tolist() == [1, 1 + 4 + 12, 1 + 6 + 27]


@both
def test_tensors_are_printed_as_asked(lib: Any) -> None:
    lib.set_printoptions(precision=2)
    try:
        assert str(lib.tensor([1.23456, 2], requires_grad=True) * 1) == "tensor([1.23, 2.00], grad_fn=<MulBackward0>)"
    finally:
        lib.set_printoptions(profile="default")


@both
def test_assert_close(lib: Any) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    lib.testing.assert_close(x * 2, lib.tensor([2.0, 4.0]))
    lib.testing.assert_close([x, (x, 1.0)], [x.clone(), (x, 1.0)])
    with pytest.raises(AssertionError, match="not close"):
        lib.testing.assert_close(x, x + 0.1)


@both
def test_marks_of_conjugation_are_resolved(lib: Any) -> None:
    z = lib.tensor([1 + 2j], requires_grad=True)
    conjugate = z.conj()
    assert conjugate.is_conj() and not conjugate.resolve_conj().is_conj() and z.resolve_conj() is z
    assert conjugate.imag.is_neg() and not lib.resolve_neg(conjugate.imag).is_neg()
    lib.resolve_conj(conjugate).imag.sum().backward()
    assert z.grad.tolist() == [-1j]


@both
def test_one_saved_value_is_packed(lib: Any) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    log: list[float] = []
    saved = y.grad_fn._raw_saved_self
    saved.register_hooks(lambda value: log.append(1) or value * 2, lambda kept: log.append(2) or kept / 2)
    with pytest.raises(RuntimeError, match="hooks have already been set"):
        saved.register_hooks(lambda value: value, lambda kept: kept)
    assert log == [1]
    y.sum().backward()
    assert log == [1, 2] and x.grad.tolist() == [2, 4]


@both
def test_functions_at_the_top_level(lib: Any) -> None:
    functional = lib.nn.functional
    x = lib.tensor([-1.5, 0.5], requires_grad=True)
    for name in ("celu", "selu", "hardshrink"):
        assert getattr(lib, name)(x).tolist() == getattr(functional, name)(x).tolist()
    assert lib.threshold(x, 0, 2).tolist() == [2, 0.5] and lib.dropout(x, 0.5, False).tolist() == x.tolist()
    assert lib.dropout(x, 1.0, train=True).tolist() == [0, 0] and x.prelu(lib.tensor([2.0])).tolist() == [-3, 0.5]
    assert (
        lib.conv1d(lib.ones(1, 1, 3), lib.ones(1, 1, 3)).item() == 3 == lib.max_pool1d(lib.tensor([[1.0, 3]]), 2).item()
    )
    written = (x * 2).detach()
    assert functional.relu_(written) is written and written.tolist() == [0, 1]
    lib.testing.assert_close(lib.polygamma(1, x), x.polygamma(1))


@both
def test_sums_in_another_dtype(lib: Any) -> None:
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    for reduced in (lib.sum(x, dtype=lib.float64), x.mean(0, dtype=lib.float64)):
        assert reduced.dtype is lib.float64
        reduced.backward()
    assert x.grad.dtype is lib.float32 and x.grad.tolist() == [1.5, 1.5]
    for name in ("prod", "cumprod", "cumsum", "softmax", "log_softmax"):
        reduced = getattr(x, name)(0, dtype=lib.float64)
        (gradient,) = lib.autograd.grad(reduced.sum(), x)
        assert reduced.dtype is lib.float64 and gradient.dtype is lib.float32
    assert lib.softmax(x, 0, lib.float64).dtype is lib.float64
    assert lib.arange(4).mean(dtype=lib.float32).item() == 1.5


@both
def test_shapes_joined_and_broadcast(lib: Any) -> None:
    x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert lib.cartesian_prod(x[:2], x[2:]).tolist() == [[1, 3], [2, 3]] and lib.cartesian_prod(x) is x
    assert x.broadcast_to(2, 3).shape == x.broadcast_to((2, 3)).shape == (2, 3)


@both
def test_the_language_is_refused_with_torchs_types(lib: Any) -> None:
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        list(lib.tensor(1.0))
    for wrong in (lambda: lib.matmul(lib.ones(2), 3), lambda: lib.matmul(None, lib.ones(2))):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(RuntimeError, match="only Tensors of floating point and complex dtype can require gradients"):
        lib.arange(2).requires_grad = True
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require gradients"):
        lib.arange(2).requires_grad_()


@both
def test_numpys_names(lib: Any) -> None:
    x = lib.tensor([[1.0, 2.0, 5.0], [3.0, 4.0, 0.0]], requires_grad=True)
    assert x.sum(axis=1, keepdims=True).tolist() == [[8], [7]] and lib.mean(x, axis=(0, 1)).item() == 2.5
    assert x.max(axis=0).values.tolist() == [3, 4, 5] and lib.argmax(x, axis=1, keepdims=True).tolist() == [[2], [1]]
    assert lib.cat([x, x], axis=1).shape == (2, 6) and lib.stack([x, x], axis=2).shape == (2, 3, 2)
    assert lib.unsqueeze(x, axis=0).shape == (1, 2, 3) and x.sort(axis=1).values[1].tolist() == [0, 3, 4]
    x.clone().cumsum_(axis=0).select(axis=0, index=1).sum().backward()
    assert x.grad.tolist() == [[1, 1, 1], [1, 1, 1]]
    for refused in (lambda: x.sum(axis=0, dim=1), lambda: x.abs(axis=0), lambda: x.sum(1, axis=0)):
        with pytest.raises(TypeError):
            refused()
