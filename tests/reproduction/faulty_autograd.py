"""HIPS autograd, whose calls run inside functions of the clause, with one fault."""

# ruff: noqa: RUF012  spellings are data on the class
from typing import Any

from autograd_conformance.adapters.autograd import Autograd


def reluctant_product(x: Any, y: Any) -> Any:
    raise ValueError("no products today")


class Reluctant(Autograd):
    operators = {**Autograd.operators, "multiply": reluctant_product}
