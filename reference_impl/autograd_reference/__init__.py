"""A reference engine for automatic differentiation, with PyTorch's names and torch tensors as memory.

    import autograd_reference as torch

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad                               # tensor([2., 4.])

The files in reading order: storage, modes, tensor, definition, node, accumulate, graph, retain, views, rules, arithmetic,
shaping, geometry, overlap, inplace, indexing, backward, autograd, creation, methods.
"""

from torch import (
    Size,
    bfloat16,
    complex64,
    complex128,
    device,
    double,
    dtype,
    float16,
    float32,
    float64,
    half,
    int8,
    int16,
    int32,
    int64,
    long,
    manual_seed,
    uint8,
)
from torch import bool as bool
from torch import float as float
from torch import int as int

from . import autograd
from . import methods as _methods  # noqa: F401 - installs the methods of Tensor
from .arithmetic import add, argmax, clone, div, exp, log, matmul, mean, mul, neg, pow, relu, sub, sum, tanh, where
from .creation import (
    arange,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    tensor,
    zeros,
    zeros_like,
)
from .indexing import gather, index_add, index_select, scatter_add, take_along_dim
from .modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .shaping import (
    cat,
    diagonal,
    flatten,
    narrow,
    permute,
    reshape,
    select,
    squeeze,
    stack,
    t,
    transpose,
    unsqueeze,
)
from .tensor import Tensor

__version__ = "0.1.0"

__all__ = [
    "Size",
    "Tensor",
    "add",
    "arange",
    "argmax",
    "autograd",
    "bfloat16",
    "bool",
    "cat",
    "clone",
    "complex64",
    "complex128",
    "device",
    "diagonal",
    "div",
    "double",
    "dtype",
    "empty",
    "empty_like",
    "enable_grad",
    "exp",
    "eye",
    "flatten",
    "float",
    "float16",
    "float32",
    "float64",
    "from_numpy",
    "full",
    "full_like",
    "gather",
    "half",
    "index_add",
    "index_select",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "linspace",
    "log",
    "long",
    "manual_seed",
    "matmul",
    "mean",
    "mul",
    "narrow",
    "neg",
    "no_grad",
    "ones",
    "ones_like",
    "permute",
    "pow",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "relu",
    "reshape",
    "scatter_add",
    "select",
    "set_grad_enabled",
    "squeeze",
    "stack",
    "sub",
    "sum",
    "t",
    "take_along_dim",
    "tanh",
    "tensor",
    "transpose",
    "uint8",
    "unsqueeze",
    "where",
    "zeros",
    "zeros_like",
]
