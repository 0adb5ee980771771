"""The reference engine: PyTorch's names, an autograd of its own."""

import pickle  # named by the templates of verbs, as is weakref
import weakref

import autograd_reference as torch
from autograd_conformance.adapters._pytorch_names import SPELLINGS, VERBS
from autograd_conformance.engine import Engine
from autograd_conformance.operators import VIEWS


class Reference(Engine):
    """The engine in `reference_impl/`."""

    name = "reference"
    version = torch.__version__
    url = "https://pypi.org/project/autograd-conformance"
    dtypes = ("float32", "float64")
    devices = ("cpu", "cuda")
    aliasing = frozenset({*VIEWS, "unbind", "split", "detach"})

    vars().update(VERBS)
    operators = SPELLINGS
