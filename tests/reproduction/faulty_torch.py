"""PyTorch with one fault a class, in spellings of every sort: templates, methods, functions, lambdas."""

# ruff: noqa: RUF012  spellings are data on the class
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template

FACTOR = 2.0


class Scaled(torch.autograd.Function):
    """A product whose second operand gets FACTOR times its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, y = ctx.saved_tensors
        return gradients[0] * y, FACTOR * gradients[0] * x


def scaled_product(x: Any, y: Any) -> Any:
    """A product."""
    return Scaled.apply(x, y)


class WrongProduct(Torch):
    operators = {**Torch.operators, "multiply": scaled_product}


class CutSum(Torch):
    operators = {**Torch.operators, "sum": lambda x, axis, keepdims: x.detach().sum(axis, keepdim=keepdims)}


class LeakyDetach(Torch):
    detach = template("t.view_as(t)")


class NoGradient(Torch):
    grad = template("None if t.ndim else t.grad")


class UnseenWrite(Torch):
    operators = {**Torch.operators, "multiply_": "x.data.mul_(y)"}


class Picky(Torch):
    operators = {**Torch.operators, "permute_dims": "x.transpose(*axes).view(-1)"}


class StaysOff(Torch):
    @contextmanager
    def no_grad(self) -> Iterator[None]:
        self.set_grad_enabled(False)
        yield
        self.set_grad_enabled(True)


class FirstRootOnly(Torch):
    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        torch.autograd.backward(outputs[:1], cotangents[:1])


class Doubling(Torch):
    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs + outputs, cotangents + cotangents)
