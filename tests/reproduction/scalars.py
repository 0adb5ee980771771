"""micrograd: scalars, no cotangents, no modes, one root."""

# ruff: noqa: F401, RUF012  spellings are data on the class, and text: ruff does not see the names that they use
from typing import Any

import numpy as np
from micrograd.engine import Value

from autograd_conformance.engine import Engine
from autograd_conformance.spelling import template


class Scalars(Engine):
    name = "micrograd"
    version = "0.1.0"
    url = "https://github.com/karpathy/micrograd"
    dtypes = ("float64",)
    max_ndim = 0
    max_nodes = 800
    accepts_cotangent = False
    several_roots = False

    tensor = template("Value(float(array))")
    array = template("np.array(t.data if isinstance(t, Value) else t, dtype=np.float64)")
    grad = template("t.grad")
    requires_grad = template("True")
    is_leaf = template("not t._prev")
    detach = template("Value(t.data)")

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        [root] = outputs
        root.backward()

    operators = {"add": "x + y", "multiply": lambda x, y: x * y, "negative": "-x"}


class ForgetfulScalars(Scalars):
    operators = {**Scalars.operators, "add": lambda x, y: x if x is y else x + y}
