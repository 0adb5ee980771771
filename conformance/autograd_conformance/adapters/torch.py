"""PyTorch: the tape that this suite's vocabulary comes from."""

import pickle
import weakref

import torch

from autograd_conformance.adapters._pytorch_names import BACKWARD, SPELLINGS
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
    aliasing = frozenset({*VIEWS, "unbind", "split", "detach"})

    tensor = template("torch.tensor(array, device=device, requires_grad=requires_grad)")
    array = template("t.detach().cpu().numpy().copy()")
    backward = template(BACKWARD)
    grad = template("t.grad")
    set_grad = template("t.grad = g")
    requires_grad = template("t.requires_grad")
    is_leaf = template("t.is_leaf")
    detach = template("t.detach()")
    set_requires_grad = template("t.requires_grad_(flag)")
    detach_ = template("t.detach_()")
    backward_retaining = template("torch.autograd.backward(outputs, cotangents, retain_graph=True)")
    backward_into = template("torch.autograd.backward(outputs, cotangents, inputs=inputs)")
    backward_creating_graph = template("torch.autograd.backward(outputs, cotangents, create_graph=True)")
    gradients = template("torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True)")
    retain_grad = template("t.retain_grad()")
    strides = template("t.stride()")
    offset = template("t.storage_offset()")
    is_view_of = template("t._base is base")
    version_of = template("t._version")
    shared_array = template("t.numpy()")
    weak_reference = template("weakref.ref(t)")
    pickled = template("pickle.loads(pickle.dumps(t))")
    no_grad = template("torch.no_grad()")
    enable_grad = template("torch.enable_grad()")
    no_grad_function = template("torch.no_grad()(function)")
    set_grad_enabled = template("torch.set_grad_enabled(enabled)")
    grad_mode = template("torch.set_grad_enabled(enabled)")
    grad_mode_function = template("torch.set_grad_enabled(enabled)(function)")

    operators = SPELLINGS
