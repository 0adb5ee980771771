"""Nodes are called as in torch, also those of functions that are one operator there and several here."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_operators import OPERATORS, for_reference, for_torch, function, mapped, samples, tensors_in

import autograd_reference as reference
from autograd_reference.naming import COMPOSED

# A length of one, no elements, a list, or arguments in another order, for which torch has a name of its own.
OTHER_FORMS = {"adaptive_avg_pool3d", "batch_norm", "embedding", "smooth_l1_loss"}
OF_COMPOSED = {
    name: op
    for name, op in OPERATORS.items()
    if (short := op.name.removeprefix("nn.functional.")) in COMPOSED and short not in OTHER_FORMS
}
EXPRESSIONS: dict[str, Callable[[Any, Any], Any]] = {
    "numerator": lambda lib, x: 1 / x,
    "matrix and vector": lambda lib, x: x @ x[0],
    "vectors": lambda lib, x: x[0] @ x[1],
    "batch": lambda lib, x: x.expand(2, 3, 3) @ x.expand(2, 3, 3),
    "batch and matrix": lambda lib, x: x.expand(2, 3, 3) @ x,
    "linear": lambda lib, x: lib.nn.functional.linear(x, x, x[0]),
    "loss of classes": lambda lib, x: lib.nn.functional.cross_entropy(x, lib.tensor([0, 2, 1])),
    "loss": lambda lib, x: lib.nn.functional.mse_loss(x, x * 2),
    "logits": lambda lib, x: lib.nn.functional.binary_cross_entropy_with_logits(x, x.detach()),
    "layer norm": lambda lib, x: lib.nn.functional.layer_norm(x, (3,)),
    "greatest": lambda lib, x: x.max(1).values,
    "greatest of all": lambda lib, x: x.max(),
    "unbound": lambda lib, x: x.unbind()[1],
    "parts": lambda lib, x: x.split([1, 2])[0],
    "part": lambda lib, x: x.chunk(2)[0],
    "squeezed": lambda lib, x: x[:1].squeeze(0),
    "embedding": lambda lib, x: lib.nn.functional.embedding(lib.tensor([0, 2]), x),
    "copied view": lambda lib, x: x.t().reshape(-1),
    "written view": lambda lib, x: (x * 1)[0].mul_(2),
    "squeezed everywhere": lambda lib, x: x[:1].squeeze(),
}


def names(results: Any) -> list[str | None]:
    return [None if x.grad_fn is None else x.grad_fn.name() for x in tensors_in(results)]


@pytest.mark.parametrize("name", OF_COMPOSED)
def test_composed(name: str) -> None:
    op = OF_COMPOSED[name]
    theirs, ours = function(torch, op.name), function(reference, op.name)
    assert theirs and ours
    for args, kwargs in samples(op, torch.float64, 3):
        a, named = mapped(for_torch, (args, kwargs))
        b, named_b = mapped(for_reference, (args, kwargs))
        assert names(ours(*b, **named_b)) == names(theirs(*a, **named))


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_expression(what: str) -> None:
    theirs, ours = (
        EXPRESSIONS[what](lib, (lib.arange(9.0).reshape(3, 3) / 9).requires_grad_()) for lib in (torch, reference)
    )
    assert names(ours) == names(theirs)


def test_parameters_are_attributes_of_nodes() -> None:
    x = reference.ones(2, 3, requires_grad=True)
    assert x.cumsum(1).grad_fn._saved_dim == 1 and x.sum(1, True).grad_fn._saved_keepdim is True
