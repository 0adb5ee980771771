"""Errors and warnings have the words that PyTorch's are known by, so that a search for them finds help."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch as real

import autograd_reference as reference

pytestmark = [
    pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"]),
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),  # what torch's forward mode imports
]

Action = Callable[[Any], Any]


def leaf(torch: Any) -> Any:
    return torch.ones(3, requires_grad=True)


def set_grad(x: Any, gradient: Any) -> None:
    x.grad = gradient


def inferred(torch: Any) -> Any:
    with torch.inference_mode():
        return torch.ones(3)


def write_to_unrecorded_view(torch: Any) -> None:
    base = leaf(torch) * 1
    with torch.no_grad():
        view = base[:2]
    view.mul_(2)


def write_to_custom_view(torch: Any) -> None:
    class Flat(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.view(-1)

    Flat.apply(leaf(torch) * 1).mul_(2)


REFUSALS: dict[str, Action] = {
    "Only Tensors of floating point and complex dtype can require gradients": lambda torch: torch.zeros(
        2, dtype=torch.int64, requires_grad=True
    ),
    "Only Tensors created explicitly by the user": lambda torch: copy.deepcopy(leaf(torch) * 2),
    r"Mismatch in shape: grad_output\[0\] has a shape of torch.Size\(\[1, 3\]\) and output\[0\] has a shape of": lambda torch: (
        (leaf(torch) * 2).backward(torch.ones(1, 3))
    ),
    r"`inputs` argument to `backward\(\)` cannot be empty": lambda torch: leaf(torch).sum().backward(inputs=[]),
    r"`inputs` argument to `grad\(\)` cannot be empty": lambda torch: torch.autograd.grad(leaf(torch).sum(), []),
    "The differentiated Tensor at index 1 appears to not have been used in the graph. Set allow_unused=True": lambda torch: (
        torch.autograd.grad((x := leaf(torch)).sum(), [x, leaf(torch)])
    ),
    "attempting to assign a gradient of size": lambda torch: set_grad(leaf(torch), torch.ones(2)),
    "Inplace update to inference tensor outside InferenceMode is not allowed": lambda torch: inferred(torch).add_(1),
    "Inference tensors cannot be saved for backward": lambda torch: leaf(torch) * inferred(torch),
    "Inference tensors do not track version counter": lambda torch: inferred(torch)._version,
    "Trying to set a forward gradient that has a different size than that of the original Tensor": lambda torch: dual(
        torch, torch.ones(2), torch.ones(3)
    ),
    "A view was created in no_grad mode and is being modified inplace with grad mode enabled": write_to_unrecorded_view,
    "is a view and is being modified inplace. This view was created inside a custom Function": write_to_custom_view,
}


def dual(torch: Any, primal: Any, tangent: Any) -> Any:
    with torch.autograd.forward_ad.dual_level():
        return torch.autograd.forward_ad.make_dual(primal, tangent)


@pytest.mark.parametrize("words", REFUSALS)
def test_refusal(torch: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        REFUSALS[words](torch)


def test_decorated_class(torch: Any) -> None:
    with pytest.warns(FutureWarning, match="Decorating classes is deprecated"):

        @torch.no_grad()
        class Model:
            def __init__(self) -> None:
                self.mode = torch.is_grad_enabled()

            def method(self) -> Any:
                return torch.is_grad_enabled()

    model = Model()
    assert model.mode is False and model.method() is True


def test_nodes_have_classes_of_their_names(torch: Any) -> None:
    x = leaf(torch)
    y = (x * 2)[1:].sum()
    names, node = [], y.grad_fn
    while node is not None:
        names.append(type(node).__name__)
        node = node.next_functions[0][0] if node.next_functions else None
    assert names == ["SumBackward0", "SliceBackward0", "MulBackward0", "AccumulateGrad"]
    assert isinstance(y.grad_fn, torch.autograd.graph.Node) and y.grad_fn is y.grad_fn
    assert type((x * 3).grad_fn) is type((x * 2).grad_fn)
    y.backward()
    assert x.grad.tolist() == [0, 2, 2]


def test_reading_a_tensor_that_requires_gradients(torch: Any) -> None:
    x = leaf(torch)
    with torch.no_grad():
        assert x.numpy().tolist() == [1, 1, 1]
    assert (x * 2)[range(2)].tolist() == [2, 2]
