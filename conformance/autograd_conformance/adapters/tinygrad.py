"""tinygrad: a lazy tape on an immutable graph.  No tensor is marked as wanting a gradient: a pass gives one to each alive."""

import os

os.environ.setdefault("DEV", "PYTHON")  # interprets kernels: needs no compiler, and gives the same verdicts everywhere
os.environ.setdefault("PARALLEL", "0")  # no pool of compiling processes, which import the main script anew

import importlib.metadata
import weakref

import numpy as np
from tinygrad import Tensor
from tinygrad.uop import Ops

from autograd_conformance.engine import Engine
from autograd_conformance.operators import VIEWS
from autograd_conformance.spelling import template


class Tinygrad(Engine):
    """tinygrad."""

    name = "tinygrad"
    version = importlib.metadata.version("tinygrad")
    url = "https://tinygrad.org"
    dtypes = ("float32", "float64")
    devices = ("PYTHON",)
    aliasing = frozenset({*VIEWS, "detach"})
    max_nodes = 500  # a graph becomes one kernel, and to compile it takes a time that grows faster than the graph
    several_roots = False
    threads = False  # each pass walks the tensors of the whole process, which another thread may change

    tensor = template("Tensor(array, device=device).clone().realize()")
    array = template("np.array(t.numpy())")
    backward = template("outputs[0].backward(None if cotangents is None else cotangents[0])")
    grad = template("t.grad")
    set_grad = template("t.grad = g")
    requires_grad = template("t.is_floating_point() and t.device is not None")  # what `Tensor.backward` goes by
    is_leaf = template(
        "t.uop.op is Ops.DETACH or t.uop.has_buffer_identity()"
    )  # cut off, or memory: not to be computed
    detach = template("t.detach()")
    backward_retaining = backward
    gradients = template("outputs[0].gradient(*inputs, gradient=None if cotangents is None else cotangents[0])")
    weak_reference = template("weakref.ref(t)")

    operators = {
        "add": "x + y",
        "subtract": "x - y",
        "negative": "-x",
        "multiply": "x * y",
        "matmul": "x @ y",
        "sum": "x.sum(axis, keepdim=keepdims)",
        "take": "x[(slice(None),) * axis + (list(indices),)]",
        "concat": "Tensor.cat(*xs, dim=axis)",
        "stack": "Tensor.stack(*xs, dim=axis)",
        "clone": "x.clone()",
        "reshape": "x.reshape(shape)",
        "permute_dims": "x.permute(axes)",
        "expand_dims": "x.unsqueeze(axis)",
        "squeeze": "x.squeeze(axis)",
        "broadcast_to": "x.expand(shape)",
        "select": "x[key]",
        "slice": "x[key]",
        "diagonal": "x.diagonal(offset, axis1, axis2)",
        "add_": "x += y",
        "multiply_": "x *= y",
        "copy_": "x.assign(y)",
        "setitem_": "x[key] = y",
    }
