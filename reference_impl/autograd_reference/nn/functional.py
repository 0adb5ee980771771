"""The functions of torch.nn.functional: those of this package's other modules that have a name there."""

from __future__ import annotations

from functools import partial as _partial

import torch as _torch

from ..definition import FUNCTIONS as _FUNCTIONS
from ..definition import described as _described
from ..definition import named_as_in_torch as _named
from ..missing import missing_from as _missing_from
from ..naming import seen as _seen
from ..tensor import Tensor as _Tensor
from . import activations as _activations
from . import layers as _layers
from . import losses as _losses
from . import pooling as _pooling
from . import spatial as _spatial

_found = {
    name: _seen(name, _named(name, function, getattr(_torch.nn.functional, name)))
    for module in (_activations, _layers, _losses, _pooling, _spatial)
    for name, function in module.FUNCTIONS.items()
}
# Those that have a second name under which they write to their operand.
_written = ("celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu", "threshold")
_found |= {f"{name}_": _partial(_found[name], inplace=True) for name in _written}
globals().update(_found)

# Those of which torch has the same function at its top level.
_ABOVE = """
    adaptive_avg_pool1d avg_pool1d bilinear celu celu_ channel_shuffle conv1d conv2d conv3d conv_transpose1d conv_transpose2d
    conv_transpose3d cosine_similarity group_norm hardshrink layer_norm max_pool1d max_pool2d max_pool3d pairwise_distance
    pixel_shuffle pixel_unshuffle prelu rms_norm rrelu rrelu_ selu selu_ threshold threshold_
"""
_FUNCTIONS.update({name: _found[name] for name in _ABOVE.split()})
_FUNCTIONS["dropout"] = _described("dropout", lambda input, p, train: _found["dropout"](input, p, train))
pdist = _FUNCTIONS["pdist"]
for _name in ("hardshrink", "prelu"):
    setattr(_Tensor, _name, _found[_name])

__getattr__ = _missing_from(globals())
