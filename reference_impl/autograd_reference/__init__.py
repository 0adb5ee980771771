"""A reference engine for automatic differentiation, with PyTorch's names and torch tensors as memory.

    import autograd_reference as torch

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad                               # tensor([2., 4.])

The files in reading order: storage, caller, modes, tensor, definition, node, accumulate, naming, graph, views, rules, arithmetic,
overlap, shaping, geometry, inplace, indexing, backward, autograd, creation, serialization, methods; the other operators: constant,
elementwise, reductions, arranging, products, matrices, linalg, randomness, special, fft, nn; what looks on or steps in: saved, hooks, anomaly,
custom, autograd/function, draw, autograd/graph, utils/checkpoint, testing; and what stands on all of it: forward, autograd/functional,
autograd/gradcheck, func.
"""

from __future__ import annotations

from typing import Any as _Any

import torch as _torch

from . import autograd as autograd
from . import fft as fft
from . import func as func
from . import linalg as linalg
from . import methods as _methods
from . import nn as nn
from . import serialization as _serialization  # noqa: F401
from . import special as special
from . import testing as testing
from . import utils as utils
from .anomaly import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from .anomaly import is_anomaly_enabled as is_anomaly_enabled
from .definition import FUNCTIONS as _FUNCTIONS
from .func import vmap as vmap
from .missing import missing as _missing
from .modes import enable_grad as enable_grad
from .modes import inference_mode as inference_mode
from .modes import is_grad_enabled as is_grad_enabled
from .modes import is_inference_mode_enabled as is_inference_mode_enabled
from .modes import no_grad as no_grad
from .modes import set_grad_enabled as set_grad_enabled
from .tensor import Tensor as Tensor

__version__ = "0.1.0"

_methods.name_saved_values()

# What is torch's own: it has nothing to do with gradients.
_TORCHS_OWN = """
    Generator Size bfloat16 bool cdouble cfloat channels_last chalf complex128 complex32 complex64 contiguous_format cuda device
    double dtype e finfo float float16 float32 float64 get_default_device get_default_dtype get_rng_state half iinfo inf
    random initial_seed int int16 int32 int64 int8 layout long manual_seed memory_format nan newaxis pi preserve_format promote_types result_type seed
    set_default_device set_default_dtype set_default_tensor_type set_num_threads get_num_threads set_printoptions set_rng_state short strided uint8
"""
globals().update({name: getattr(_torch, name) for name in _TORCHS_OWN.split()}, **_FUNCTIONS)
__all__ = [name for name in globals() if not name.startswith("_") and name != "annotations"]


def __getattr__(name: str) -> _Any:
    """What is not there: say so, and what is near."""
    raise _missing("module 'autograd_reference'", name, __all__, _torch)
