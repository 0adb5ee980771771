"""PaddlePaddle: a tape in C++ with PyTorch's manners.  `stop_gradient` is the flag, turned round."""

import warnings

warnings.filterwarnings("ignore", "No ccache found")  # of importing paddle, where warnings are errors

import pickle
import weakref

import numpy as np
import paddle

from autograd_conformance.engine import Engine
from autograd_conformance.operators import VIEWS
from autograd_conformance.spelling import template


class Paddle(Engine):
    """PaddlePaddle in dynamic mode."""

    name = "paddle"
    version = paddle.__version__
    url = "https://www.paddlepaddle.org.cn/en"
    dtypes = ("float32", "float64")
    aliasing = frozenset({*VIEWS, "detach"} - {"broadcast_to"})  # which copies

    tensor = template("paddle.to_tensor(array, place=device, stop_gradient=not requires_grad)")
    array = template("np.array(t.numpy())")
    backward = template("paddle.autograd.backward(outputs, cotangents)")
    grad = template("t.grad")
    set_grad = template("t.grad = g")
    requires_grad = template("not t.stop_gradient")
    is_leaf = template("t.is_leaf")
    detach = template("t.detach()")
    set_requires_grad = template("t.stop_gradient = not flag")
    detach_ = template("t.detach_()")
    backward_retaining = template("paddle.autograd.backward(outputs, cotangents, retain_graph=True)")
    gradients = template("paddle.grad(outputs, inputs, cotangents, allow_unused=True)")
    retain_grad = template("t.retain_grads()")
    strides = template("tuple(t.strides)")
    offset = template("t.offset // t.element_size()")  # in bytes, as in `as_strided`
    version_of = template("t.inplace_version")
    shared_array = template("np.from_dlpack(t)")
    weak_reference = template("weakref.ref(t)")
    pickled = template("pickle.loads(pickle.dumps(t))")
    no_grad = template("paddle.no_grad()")
    enable_grad = template("paddle.enable_grad()")
    no_grad_function = template("paddle.no_grad()(function)")
    set_grad_enabled = template("paddle.set_grad_enabled(enabled)")

    operators = {
        "add": "x + y",
        "subtract": "x - y",
        "negative": "-x",
        "multiply": "x * y",
        "matmul": "x @ y",
        "sum": "x.sum(axis, keepdim=keepdims)",
        "take": "x.index_select(paddle.to_tensor(indices, place=device), axis)",
        "concat": "paddle.concat(xs, axis)",
        "stack": "paddle.stack(xs, axis)",
        "clone": "x.clone()",
        "reshape": "x.reshape(shape)",
        "permute_dims": "x.transpose(axes)",
        "expand_dims": "x.unsqueeze(axis)",
        "squeeze": "x.squeeze(axis)",
        "broadcast_to": "x.expand(shape)",
        "select": "x[key]",
        "slice": "x[key]",
        "diagonal": "x.diagonal(offset, axis1, axis2)",
        "add_": "x.add_(y)",
        "multiply_": "x.multiply_(y)",
        "copy_": "paddle.assign(y.expand(x.shape), x)",
        "setitem_": "x[key] = y",
        "view": "x.view(shape)",
        "as_strided": "x.as_strided(shape, strides, offset * x.element_size())",
        "unbind": "x.unbind(axis)",
        "split": "paddle.compat.split(x, size, axis)",
        "greater": "x > y",
        "argmax": "x.argmax(axis)",
        "where": "paddle.where(paddle.to_tensor(mask, place=device), x, y)",
        "fill_": "x.fill_(value)",
        "masked_fill_": "x.masked_fill_(paddle.to_tensor(mask, place=device), value)",
        "transpose_": "x.transpose_([{axis1: axis2, axis2: axis1}.get(axis, axis) for axis in range(x.ndim)])",
        "squeeze_": "x.squeeze_(axis)",
        "expand_dims_": "x.unsqueeze_(axis)",
    }
