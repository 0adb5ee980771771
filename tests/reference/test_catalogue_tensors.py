"""What users write with tensors: comparing, files, arrays, names and layouts. On torch and on the reference engine."""

import io
from typing import Any

import numpy as np
import pytest
import torch as real

import autograd_reference as reference

pytestmark = pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"])


def leaf(torch: Any, *shape: int) -> Any:
    return torch.arange(float(np.prod(shape))).reshape(shape).detach().requires_grad_()


def test_assert_close(torch: Any) -> None:
    x = leaf(torch, 3)
    torch.testing.assert_close(x, torch.tensor([0.0, 1.0, 2.0 + 1e-6]), check_dtype=True)
    torch.testing.assert_close({"x": [x * 2]}, {"x": [torch.tensor([0.0, 2.0, 4.0])]}, rtol=0, atol=0)
    with pytest.raises(AssertionError, match="Mismatched elements: 1 / 3"):
        torch.testing.assert_close(x, torch.tensor([0.0, 1.0, 3.0]))
    with pytest.raises(AssertionError, match="dtype"):
        torch.testing.assert_close(actual=x, expected=x.double())


def test_files(torch: Any) -> None:
    file = io.BytesIO()
    torch.save({"w": leaf(torch, 2), "step": 3, "parts": [torch.ones(2, dtype=torch.bool)]}, file)
    file.seek(0)
    loaded = torch.load(file)
    assert loaded["step"] == 3 and loaded["parts"][0].dtype is torch.bool
    assert loaded["w"].requires_grad and loaded["w"].is_leaf and loaded["w"].tolist() == [0, 1]


def test_forced_array(torch: Any) -> None:
    x = leaf(torch, 3)
    assert (x * 2).numpy(force=True).tolist() == [0, 2, 4]
    x.numpy(force=True)[0] = 7
    assert x[0].item() == 7


def test_memory_format(torch: Any) -> None:
    x = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last).requires_grad_()
    x.sum().backward()
    assert x.grad.is_contiguous(memory_format=torch.channels_last) and not x.grad.is_contiguous()


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.mul_(2),
        lambda x: x[0].mul_(2),
        lambda x: x.view(6).t().zero_(),
        lambda x: x.__setitem__(0, 1.0),
        lambda x: x[0].__setitem__(1, 1.0),
        lambda x: x.as_strided((2,), (1,)).mul_(2),
        lambda x: x[1].copy_(x.detach().clone()[0].requires_grad_()),
    ],
)
def test_leaf_in_the_memory_of_a_constant(torch: Any, write: Any) -> None:
    """What is reshaped, and then required to have a gradient, is a leaf although it is a view."""
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    assert x.is_leaf and x._base is not None and not x._base.requires_grad
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        write(x)
    assert x.flatten().tolist() == [0, 1, 2, 3, 4, 5] and x.is_leaf and x._version == 0
    with torch.no_grad():
        write(x)
    assert x.is_leaf and x._version == 1
    (x[0].as_strided((2, 2), (1, 1)) * 3).sum().backward()
    assert x.grad.tolist() == [[3, 6, 3], [0, 0, 0]]


def test_memory_beside_a_leaf_may_be_written(torch: Any) -> None:
    base = torch.arange(6.0)
    x, beside = base[:3].requires_grad_(), base[3:]
    beside.mul_(3)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2] and beside.tolist() == [9, 12, 15]


def test_number_in_shared_places(torch: Any) -> None:
    """One number may be written to elements that share places in memory, where nothing is recorded; nothing else may."""
    x = torch.zeros(2, 1)
    assert x.expand(2, 3).fill_(4).tolist() == [[4, 4, 4], [4, 4, 4]] and x.tolist() == [[4], [4]]
    x.unfold(0, 1, 1).expand(2, 1, 5).zero_()
    assert x.tolist() == [[0], [0]]
    recorded = torch.zeros(2, 1, requires_grad=True) * 1
    for write in (
        lambda: x.expand(2, 3).add_(1),
        lambda: x.expand(2, 3).fill_(torch.tensor(1.0)),
        lambda: recorded.expand(2, 3).fill_(1).sum().backward(),  # torch refuses in the pass
    ):
        with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers to a single"):
            write()


def test_copies_in_an_order_of_memory(torch: Any) -> None:
    x = leaf(torch, 3, 4)
    assert x.t().clone().stride() == (1, 4) == torch.clone(x.t(), memory_format=torch.preserve_format).stride()
    y = x.t().clone(memory_format=torch.contiguous_format)
    assert y.stride() == (3, 1) and y.requires_grad
    z = torch.zeros(2, 3, 4, 5, requires_grad=True).contiguous(memory_format=torch.channels_last)
    assert z.stride() == (60, 1, 15, 3) and z.contiguous(memory_format=torch.channels_last) is z
    (z * 2).sum().backward()


def test_bytes_read_as_another_dtype(torch: Any) -> None:
    x = leaf(torch, 2)
    for y in (x.view(torch.int32), x.view(dtype=torch.int32)):
        assert not y.requires_grad and y.is_leaf and y.dtype is torch.int32 and y.tolist() == [0, 0x3F800000]
        assert y.data_ptr() == x.data_ptr()
    assert x.view(size=(2, 1)).requires_grad and x.view(torch.uint8).shape == (8,)


def test_resize(torch: Any) -> None:
    x = torch.ones(4)
    alias = x.detach()
    assert x.resize_(2, 2) is x and x.shape == (2, 2) and x.resize_((3,)).shape == (3,) and alias.shape == (4,)
    assert x._version == alias._version == 2
    for tensor in (leaf(torch, 2), leaf(torch, 2) * 2):
        with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
            tensor.resize_(3)


def test_diagonal_filled(torch: Any) -> None:
    x = leaf(torch, 3, 3)
    y = x.clone()
    assert y.fill_diagonal_(2) is y
    y.sum().backward()
    assert y.diagonal().tolist() == [2, 2, 2] and x.grad.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert torch.zeros(2, 2, 2).fill_diagonal_(1).flatten().tolist() == [1, 0, 0, 0, 0, 0, 0, 1]


def test_axes_exchanged_in_place(torch: Any) -> None:
    for name, names in {"swapaxes_": ("axis0", "axis1"), "swapdims_": ("dim0", "dim1")}.items():
        x = leaf(torch, 2, 3)
        y = x * 1
        assert getattr(y, name)(**dict(zip(names, (0, 1), strict=True))) is y and y.shape == (3, 2)
        y[0].sum().backward()
        assert x.grad.tolist() == [[1, 0, 0], [1, 0, 0]]


def test_where_the_memory_is(torch: Any) -> None:
    x = torch.arange(6.0)
    view = x[2:]
    assert view.untyped_storage().data_ptr() == x.untyped_storage().data_ptr() == view.data_ptr() - 8
    assert x.untyped_storage().nbytes() == 24 and view._is_view() and not x._is_view()


def test_functions_that_are_methods(torch: Any) -> None:
    x = leaf(torch, 2)
    assert not torch.detach(x).requires_grad and torch.detach(input=x).data_ptr() == x.data_ptr()
    with torch.autograd.inference_mode():
        assert torch.is_inference(torch.ones(1))
    with torch.autograd.grad_mode.no_grad():
        assert not torch.is_grad_enabled()


NAMES = {
    "SumBackward0": lambda x: x.sum(),
    "RsubBackward1": lambda x: 3 - x,
    "SumBackward1": lambda x: x.sum(dim=1),
    "MeanBackward1": lambda x: x.mean(0),
    "ProdBackward1": lambda x: x.prod(1),
    "MaxBackward1": lambda x: x.max(),
    "ClampBackward1": lambda x: x.clamp(min=0),
    "TBackward0": lambda x: x.t(),
    "Log1PBackward0": lambda x: x.log1p(),
    "SelectBackward0": lambda x: x[0, :],
    "SliceBackward0": lambda x: x[0, 1:],
    "UnsqueezeBackward0": lambda x: x[0, ..., None],
    "CopySlices": lambda x: written(x * 1),
}


def written(x: Any, key: Any = 0) -> Any:
    x[key] = 1
    return x


@pytest.mark.parametrize("name", NAMES)
def test_names_of_nodes(torch: Any, name: str) -> None:
    y = NAMES[name](leaf(torch, 2, 3))
    assert y.grad_fn.name().rpartition(":")[2] == name and repr(y).endswith(f"grad_fn=<{name}>)")


@pytest.mark.filterwarnings("ignore:Using backward")
def test_names_of_what_is_no_operator(torch: Any) -> None:
    x = leaf(torch, 2)
    node = (x * 2).grad_fn.next_functions[0][0]
    assert node.name() == "torch::autograd::AccumulateGrad" and repr(node).startswith("<AccumulateGrad object at 0x")
    assert node.variable is x and node.next_functions == ()
    assert written(x * 1).grad_fn.name() == "torch::autograd::CopySlices"
    assert written(x * 1, x > 0).grad_fn.name() == written(x * 1, [1]).grad_fn.name() == "IndexPutBackward0"
    assert (x * 1).normal_().grad_fn.name() == "NormalBackward0" and (x * 1).copy_(x).grad_fn.name().endswith(
        "CopyBackwards"
    )
    x.exp().sum().backward(create_graph=True)
    assert x.grad.grad_fn.name() == "torch::autograd::CopyBackwards" and repr(x.grad).endswith(
        "grad_fn=<CopyBackwards>)"
    )
    x.grad = None


OUTS: dict[str, tuple[Any, ...]] = {
    "matmul": (2,), "mm": (2,), "div": (2,), "where": (2,), "addmm": (3,), "cumsum": (1, 0), "gt": (2,), "sum": (1, 0),
    "amax": (1, 0), "std": (1, 0), "arccos": (1,), "tril": (1,), "logical_not": (1,),
}  # fmt: skip


@pytest.mark.parametrize("name", [*OUTS, "cat", "stack"])
def test_out(torch: Any, name: str) -> None:
    """The result is written to a tensor, which counts as a write; nothing that requires gradients takes part."""
    x = torch.tensor([[0.5, 1.0], [-1.0, 0.25]])
    function = getattr(torch, name)
    count, *others = OUTS.get(name, (0,))
    args: tuple[Any, ...] = (*([x > 0] if name == "where" else []), *[x] * count, *others) if count else ([x, x],)
    expected = function(*args)
    for out in (torch.zeros_like(expected), torch.empty(0, dtype=expected.dtype)):
        version = out._version
        assert function(*args, out=out) is out and out.tolist() == expected.tolist() and out._version > version
    if expected.dtype is torch.bool:  # torch asks nothing of functions without derivatives
        return
    target = torch.zeros_like(expected, dtype=torch.float32, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"out=\.\.\. arguments don't support automatic differentiation"):
        function(*args, out=target)
