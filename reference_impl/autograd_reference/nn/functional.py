"""The functions of torch.nn.functional: those of this package's other modules that have a name there."""

from __future__ import annotations

import difflib as _difflib
from typing import Any as _Any

import torch as _torch

from ..definition import named_as_in_torch as _named
from . import activations as _activations
from . import layers as _layers
from . import losses as _losses
from . import spatial as _spatial

for _module in (_activations, _layers, _losses, _spatial):
    for _name, _function in vars(_module).items():
        if getattr(_function, "__module__", "") == _module.__name__ and hasattr(_torch.nn.functional, _name):
            globals()[_name] = _named(_name, _function, getattr(_torch.nn.functional, _name))


def __getattr__(name: str) -> _Any:
    """What is not there: say so, and what is near."""
    near = _difflib.get_close_matches(name, globals(), n=3)
    raise AttributeError(f"autograd_reference.nn.functional has no {name!r}; near names: {', '.join(near) or 'none'}")
