"""The reference engine must do without torch's autograd: calling any of its entry points from the engine is an error."""

import functools
import sys
from typing import Any

import pytest
import torch

ENTRY_POINTS = [
    (torch.Tensor, "backward"),
    (torch.Tensor, "register_hook"),
    (torch.autograd, "backward"),
    (torch.autograd, "grad"),
    (torch, "no_grad"),
    (torch, "enable_grad"),
    (torch, "set_grad_enabled"),
    (torch, "inference_mode"),
]


def forbidden(entry_point: Any, name: str) -> Any:
    """The entry point, which raises when the reference engine is the caller."""

    @functools.wraps(entry_point, updated=())
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__", "").startswith("autograd_reference"):
            raise AssertionError(f"the reference engine called torch's {name}")
        return entry_point(*args, **kwargs)

    return guarded


@pytest.fixture(autouse=True)
def without_torch_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ENTRY_POINTS:
        monkeypatch.setattr(owner, name, forbidden(getattr(owner, name), name))
