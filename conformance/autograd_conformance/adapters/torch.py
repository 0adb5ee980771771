"""PyTorch: the tape that this suite's vocabulary comes from."""

import torch

from autograd_conformance.engine import Engine
from autograd_conformance.operators import VIEWS
from autograd_conformance.spelling import template


class Torch(Engine):
    """PyTorch in eager mode."""

    name = "torch"
    version = torch.__version__
    url = "https://pytorch.org"
    dtypes = ("float32", "float64")
    devices = ("cpu", "cuda")
    aliasing = frozenset({*VIEWS, "detach"})

    tensor = template("torch.tensor(array, device=device, requires_grad=requires_grad)")
    array = template("t.detach().cpu().numpy().copy()")
    backward = template("torch.autograd.backward(outputs, cotangents)")
    grad = template("t.grad")
    set_grad = template("t.grad = g")
    requires_grad = template("t.requires_grad")
    is_leaf = template("t.is_leaf")
    detach = template("t.detach()")
    no_grad = template("torch.no_grad()")
    enable_grad = template("torch.enable_grad()")
    no_grad_function = template("torch.no_grad()(function)")
    set_grad_enabled = template("torch.set_grad_enabled(enabled)")

    operators = {
        "add": "x + y",
        "subtract": "x - y",
        "negative": "-x",
        "multiply": "x * y",
        "matmul": "x @ y",
        "sum": "x.sum(axis, keepdim=keepdims)",
        "take": "x.index_select(axis, torch.tensor(indices, device=device))",
        "concat": "torch.cat(xs, axis)",
        "stack": "torch.stack(xs, axis)",
        "reshape": "x.reshape(shape)",
        "permute_dims": "x.permute(axes)",
        "expand_dims": "x.unsqueeze(axis)",
        "squeeze": "x.squeeze(axis)",
        "broadcast_to": "x.expand(shape)",
        "select": "x[key]",
        "slice": "x[key]",
        "diagonal": "x.diagonal(offset, axis1, axis2)",
        "add_": "x.add_(y)",
        "multiply_": "x.mul_(y)",
        "copy_": "x.copy_(y)",
        "setitem_": "x[key] = y",
    }
