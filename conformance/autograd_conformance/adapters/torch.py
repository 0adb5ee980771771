"""PyTorch: the tape that this suite's vocabulary comes from."""

import pickle  # named by the templates of verbs, as is weakref
import weakref

import torch

from autograd_conformance.adapters._pytorch_names import SPELLINGS, VERBS
from autograd_conformance.engine import Engine
from autograd_conformance.operators import VIEWS


class Torch(Engine):
    """PyTorch in eager mode."""

    name = "torch"
    version = torch.__version__
    url = "https://pytorch.org"
    dtypes = ("float32", "float64")
    devices = ("cpu", "cuda")
    aliasing = frozenset({*VIEWS, "unbind", "split", "detach"})

    vars().update(VERBS)
    operators = SPELLINGS
