"""What is not there is an error that says so and names what is near."""

from __future__ import annotations

from typing import Any

import pytest

import autograd_reference as reference


@pytest.mark.parametrize(
    ("place", "name", "message"),
    [
        (reference, "tensro", "module 'autograd_reference' has no attribute 'tensro'; near names: tensor"),
        (reference, "optim", "module 'autograd_reference' has no attribute 'optim', which torch has"),
        (reference.autograd, "gradd", "module .autograd_reference.autograd. .* near names: grad,"),
        (reference.autograd.functional, "hesian", "near names: hessian"),
        (reference.autograd.forward_ad, "make_dul", "near names: make_dual"),
        (reference.autograd.graph, "drew", "has no attribute 'drew'$"),
        (reference.nn, "Linear", "which torch has"),
        (reference.nn.functional, "linaer", "near names: linear"),
        (reference.utils, "data", "which torch has"),
        (reference.utils.checkpoint, "chekpoint", "near names: checkpoint"),
        (reference.ones(1), "svd_", "'Tensor' object has no attribute 'svd_'"),
        (reference.ones(1), "index_reduce", "which torch has; near names: index_"),
        (
            reference.ones(1),
            "detatch",
            "'Tensor' object has no attribute 'detatch'$",
        ),  # Python itself then says what is near
    ],
)
def test_it_is_said(place: Any, name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=message):
        getattr(place, name)
    assert not hasattr(place, name)
