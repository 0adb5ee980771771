"""Mutants of second derivatives through views and writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from planting import mutant

from autograd_conformance.adapters.reference import Reference
from autograd_reference import inplace
from autograd_reference.node import Gradient


@mutant(kills="view.write-gradgradcheck")
class RecordedPassForgetsWritesToSlices(Reference):
    """A recorded pass goes through a write to a view as if the cotangent were a constant."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.CopySlices.gradients

        def gradients(
            node: inplace.CopySlices, cotangents: Sequence[Any], needed: Any, create_graph: bool
        ) -> Sequence[Gradient | None]:
            if create_graph:
                cotangents = [each.detach() for each in cotangents]
            return original(node, cotangents, needed, create_graph)

        patch.setattr(inplace.CopySlices, "gradients", gradients)
