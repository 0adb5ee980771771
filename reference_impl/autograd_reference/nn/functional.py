"""The functions of torch.nn.functional: those of this package's other modules that have a name there."""

from __future__ import annotations

import torch as _torch

from ..definition import named_as_in_torch as _named
from ..missing import missing_from as _missing_from
from . import activations as _activations
from . import layers as _layers
from . import losses as _losses
from . import spatial as _spatial

for _module in (_activations, _layers, _losses, _spatial):
    for _name, _function in vars(_module).items():
        if getattr(_function, "__module__", "") == _module.__name__ and hasattr(_torch.nn.functional, _name):
            globals()[_name] = _named(_name, _function, getattr(_torch.nn.functional, _name))

__getattr__ = _missing_from(globals())
