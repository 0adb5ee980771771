"""`torch.special`: names of functions at the top level, and what is only here. What torch cannot differentiate is constant."""

from __future__ import annotations

import torch as _torch

from . import methods as _methods  # noqa: F401 - makes the functions
from .constant import constant as _constant
from .definition import FUNCTIONS as _FUNCTIONS
from .missing import missing_from as _missing_from

_OTHERS = "expit=sigmoid gammainc=igamma gammaincc=igammac gammaln=lgamma multigammaln=mvlgamma psi=digamma"
_NAMES = {name: name for name in _torch.special.__all__} | dict(pair.split("=") for pair in _OTHERS.split())
for _name, _other in _NAMES.items():
    _function = _FUNCTIONS.pop(f"special_{_name}", None) or _FUNCTIONS.get(_other)
    globals()[_name] = _function or _constant(getattr(_torch.special, _name))

__getattr__ = _missing_from(globals())
