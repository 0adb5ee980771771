"""Files of tensors: `save` and `load`. A leaf keeps its values and whether it requires gradients."""

from __future__ import annotations

from typing import Any

import torch

from .definition import public
from .tensor import _restored


@public
def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> None:
    """Write tensors, or collections of them, to a file or to the path of one. Arguments as torch.save's."""
    torch.save(obj, f, *args, **kwargs)


@public
def load(f: Any, *args: Any, **kwargs: Any) -> Any:
    """What `save` wrote. Arguments as torch.load's: without `weights_only=False` files cannot run code."""
    with torch.serialization.safe_globals([_restored]):
        return torch.load(f, *args, **kwargs)
