"""`torch.special`: second names of functions at the top level, and what is only here. What torch cannot differentiate is constant."""

from __future__ import annotations

import torch as _torch

from . import methods as _methods  # noqa: F401 - makes the functions
from .constant import constant as _constant
from .definition import FUNCTIONS as _FUNCTIONS
from .missing import missing_from as _missing_from

_TOP_LEVEL = {"expit": "sigmoid", "gammainc": "igamma", "gammaincc": "igammac", "gammaln": "lgamma",
              "multigammaln": "mvlgamma", "psi": "digamma"}  # fmt: skip
for _name in _torch.special.__all__:
    _only_here = _FUNCTIONS.pop(f"special_{_name}", None)
    _found = _only_here or _FUNCTIONS.get(_TOP_LEVEL.get(_name, _name))
    globals()[_name] = _found or _constant(getattr(_torch.special, _name))

__getattr__ = _missing_from(globals())
