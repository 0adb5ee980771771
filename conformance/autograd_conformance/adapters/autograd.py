"""HIPS autograd: functional, on NumPy arrays.  It has no leaves, no modes and no writes."""

import importlib.metadata
from typing import Any

import autograd.builtins
import autograd.numpy as np
from autograd import make_vjp
from autograd.tracer import getval

from autograd_conformance.engine import Engine
from autograd_conformance.spelling import template


class Autograd(Engine):
    """HIPS autograd."""

    name = "autograd"
    version = importlib.metadata.version("autograd")
    url = "https://github.com/HIPS/autograd"
    dtypes = ("float32", "float64")
    threads = False  # its stack of traces is the process's

    tensor = template("np.array(array)")
    array = template("np.array(getval(t))")

    def vjp(self, function: Any, primals: Any, cotangents: Any) -> Any:
        pull_back, outputs = make_vjp(lambda xs: autograd.builtins.tuple(function(*xs)))(tuple(primals))
        return outputs, pull_back(tuple(cotangents))

    operators = {
        "add": "x + y",
        "subtract": "x - y",
        "negative": "-x",
        "multiply": "x * y",
        "matmul": "x @ y",
        "sum": "np.sum(x, axis=axis, keepdims=keepdims)",
        "take": "x[(slice(None),) * axis + (list(indices),)]",
        "concat": "np.concatenate(xs, axis=axis)",
        "stack": "np.stack(xs, axis=axis)",
        "reshape": "np.reshape(x, shape)",
        "permute_dims": "np.transpose(x, axes)",
        "expand_dims": "np.expand_dims(x, axis)",
        "squeeze": "np.squeeze(x, axis)",
        "broadcast_to": "np.broadcast_to(x, shape)",
        "select": "x[key]",
        "slice": "x[key]",
        "diagonal": "np.diagonal(x, offset, axis1, axis2)",
    }
