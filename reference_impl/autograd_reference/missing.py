"""Names that are not there: an error that says so, says whether torch has them, and lists near ones that are there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import torch


def missing(what: str, name: str, there: Iterable[str], torchs: Any) -> AttributeError:
    """The error for a name that `what` does not have; near are those of torch's names that it has."""
    near = difflib.get_close_matches(name, [each for each in there if hasattr(torchs, each)], n=3)
    return AttributeError(
        f"{what} has no attribute {name!r}{', which torch has' * hasattr(torchs, name)}"
        + (f"; near names: {', '.join(near)}" if near else "")
    )


class Missing:
    """In place of what torch's tensors have and ours have not. A `__getattr__` would slow every access to any attribute."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, x: Any, kind: type) -> Any:
        there = [name for name, member in vars(kind).items() if not isinstance(member, Missing)]
        raise missing(f"{kind.__name__!r} object", self.name, there, torch.Tensor)


def missing_from(names: dict[str, Any]) -> Callable[[str], Any]:
    """The `__getattr__` of a module, whose names are given, that stands for the module of torch at the same path."""
    path = names["__name__"]

    def __getattr__(name: str) -> Any:
        raise missing(f"module {path!r}", name, names, import_module(path.replace("autograd_reference", "torch", 1)))

    return __getattr__
