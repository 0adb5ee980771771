"""MyGrad: a tape on NumPy arrays with views and writes.  A leaf that is used again forgets its gradient."""

import mygrad as mg
import numpy as np

from autograd_conformance.engine import Engine
from autograd_conformance.spelling import template


class MyGrad(Engine):
    """MyGrad; a tensor that wants no gradient is a constant."""

    name = "mygrad"
    version = mg.__version__
    url = "https://mygrad.readthedocs.io"
    dtypes = ("float32", "float64")
    threads = False  # its graphs refer to each other, and its modes are the process's
    aliasing = frozenset({"reshape", "permute_dims", "expand_dims", "squeeze", "broadcast_to", "select", "slice"})
    several_roots = False

    tensor = template("mg.tensor(array, constant=not requires_grad)")
    array = template("np.array(t.data)")
    backward = template("outputs[0].backward(None if cotangents is None else cotangents[0])")
    grad = template("None if t.grad is None else mg.tensor(t.grad, constant=True)")
    requires_grad = template("not t.constant")
    is_leaf = template("t.creator is None")
    detach = template("mg.tensor(t.data, constant=True)")
    no_grad = template("mg.no_autodiff")
    no_grad_function = template("mg.no_autodiff(function)")

    operators = {
        "add": "x + y",
        "subtract": "x - y",
        "negative": "-x",
        "multiply": "x * y",
        "matmul": "x @ y",
        "sum": "x.sum(axis=axis, keepdims=keepdims)",
        "take": "x[(slice(None),) * axis + (list(indices),)]",
        "concat": "mg.concatenate(xs, axis=axis)",
        "stack": "mg.stack(xs, axis=axis)",
        "reshape": "x.reshape(shape)",
        "permute_dims": "x.transpose(axes)",
        "expand_dims": "mg.expand_dims(x, axis)",
        "squeeze": "x.squeeze(axis)",
        "broadcast_to": "mg.broadcast_to(x, shape)",
        "select": "x[(*key, ...)]",  # x[0] of a vector is a NumPy scalar, and so no view
        "slice": "x[key]",
        "add_": "x += y",
        "multiply_": "x *= y",
        "copy_": "x[...] = y",
        "setitem_": "x[key] = y",
    }
