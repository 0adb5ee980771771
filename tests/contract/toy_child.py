"""An adapter that builds on another in a second module, whose names are others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from toy import Toy

from autograd_conformance.spelling import Spelling

scale = 1000


class Inherits(Toy):
    """Keeps its parent's operators, and so the names of its parent's module."""


class SpellsAnew(Toy):
    """One operator of its own, one dropped."""

    operators: ClassVar[Mapping[str, Spelling]] = {
        **{name: Toy.operators[name] for name in Toy.operators if name != "add_"},
        "add": "(x - y) * scale",
    }
