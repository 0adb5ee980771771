"""Random tensors, on torch's own generator: a seed gives torch's numbers. What was drawn is constant: its gradient is zero."""

from __future__ import annotations

from typing import Any

import torch

from .constant import constant, unwrapped
from .definition import FUNCTIONS, Operator, define, public
from .graph import apply
from .inplace import write
from .rules import nothing
from .tensor import Tensor

BERNOULLI: Operator = define("bernoulli", "p; *generator=None", p=nothing)
define("poisson", "rate; generator=None", rate=nothing)
NORMAL: Operator = Operator(
    "normal", lambda mean, std, how: torch.normal(mean, std, **how), "mean std; how", mean=nothing, std=nothing
)
OVERWRITTEN: Operator = Operator("random", lambda x, *how: x, "x; name args how", x=nothing)
FUNCTIONS["multinomial"] = constant(torch.multinomial)


@public
def bernoulli(x: Tensor, p: float | None = None, *, generator: torch.Generator | None = None) -> Tensor:
    """Ones with the probabilities in x, or with one probability, else zeros."""
    return apply(BERNOULLI, (x if p is None else torch.full_like(x._data, p),), (generator,))


@public
def normal(mean: Any, std: Any = 1.0, size: Any = None, *, requires_grad: bool = False, **how: Any) -> Tensor:
    """Normal random numbers with means and standard deviations that are tensors; or two numbers, with a size."""
    if size is not None:
        return Tensor(torch.normal(mean, std, size, **how)).requires_grad_(requires_grad)
    return apply(NORMAL, (mean, std), (how,))


FILLING = "bernoulli_ cauchy_ exponential_ geometric_ log_normal_ normal_ random_ uniform_"


def overwriting(name: str) -> Any:
    """A method that fills a tensor with random numbers."""

    def fill(x: Tensor, *args: Any, **how: Any) -> Tensor:
        return write(OVERWRITTEN, draw, x, (), (name, unwrapped(args), unwrapped(how)))

    return fill


def draw(x: torch.Tensor, name: str, args: Any, how: dict[str, Any]) -> None:
    """Fill a raw tensor."""
    getattr(x, name)(*args, **how)


for _name in FILLING.split():
    FUNCTIONS[_name] = overwriting(_name)
