"""Public functions from formulas: arguments and defaults are torch's, and a formula names those that it reads.

What is asked for by an argument that the formula does not read is done here, once for all:

    inplace      the result is written to the input, of which the formula reads a copy
    weight       multiplies a loss
    reduction    of a loss: "none", "mean" or "sum"; `size_average` and `reduce` say the same in the way of old
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch

from ..definition import described, written
from ..tensor import Tensor

Formula = Callable[..., Any]


def functions(*named: Formula, **formulas: Formula) -> dict[str, Formula]:
    """The public functions of formulas, by name."""
    formulas |= {formula.__name__: formula for formula in named}
    for name, formula in formulas.items():
        function = public(formula, getattr(torch.nn.functional, name))
        function.__doc__ = getattr(formula, "func", formula).__doc__  # of a partial function, the whole
        formulas[name] = described(f"nn.functional.{name}", function)
    return formulas


def public(formula: Formula, torchs: Formula) -> Formula:
    """The function that users call. Where torch's is not written in Python, the formula has its arguments itself."""
    if not isinstance(torchs, FunctionType) or "args" in (parameters := inspect.signature(torchs).parameters):
        return formula
    arguments = {name: each.default for name, each in parameters.items() if name != "out"}
    text = [name if value is inspect.Parameter.empty else f"{name}={value!r}" for name, value in arguments.items()]
    body = call({*arguments}, list(inspect.signature(formula).parameters))
    return written(f"lambda {', '.join(text)}: {body}", formula=formula, **HELPERS)


def call(arguments: set[str], reads: list[str]) -> str:
    """The text that calls the formula, and does what the other arguments ask for."""
    left = arguments - {*reads}
    renamed = {"reduction": "old(size_average, reduce, reduction)"} if "reduce" in arguments else {}
    text = f"formula({', '.join(renamed.get(name, name) for name in reads)})"
    if "inplace" in left:
        text = f"input.copy_({text.replace('(input', '(input.clone()')}) if inplace else {text}"
    if "weight" in left:
        text = f"weighted({text}, weight)"
    return f"reduced({text}, {renamed.get('reduction', 'reduction')})" if "reduction" in left else text


def old(size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction that two arguments of old stand for."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def weighted(loss: Tensor, weight: Tensor | None) -> Tensor:
    """The loss times a weight, if there is one."""
    return loss if weight is None else loss * weight


def known(reduction: str) -> str:
    """The word. ValueError for another one than the three."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(loss: Tensor, reduction: str, weight: Tensor | None = None) -> Tensor:
    """Every element, the sum or the mean, which is one by weight for a loss that has been weighted. ValueError for another word."""
    if known(reduction) == "mean":
        return loss.mean() if weight is None else loss.sum() / weight.sum()
    return loss.sum() if reduction == "sum" else loss


REDUCTIONS = ("none", "mean", "sum")  # in the order in which torch's kernels number them
HELPERS = {"old": old, "weighted": weighted, "reduced": reduced}
