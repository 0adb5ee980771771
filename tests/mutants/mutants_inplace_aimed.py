"""Mutants of writes that hit what they should not: saved values, other names of a memory, operands, leaves, destinations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mutants_inplace import replace_writing
from planting import mutant, replace_rule, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template
from autograd_reference import graph, inplace, rules
from autograd_reference.graph import Recorded
from autograd_reference.inplace import CopySlices
from autograd_reference.modes import state
from autograd_reference.node import UNWRITTEN, Saved
from autograd_reference.tensor import Tensor

GENERAL = ("inplace.correct-or-loud",)
SAVED = ("inplace.saved-modified", "inplace.version-shared", "inplace.error-under-no-grad")
SAVING = (*GENERAL, *SAVED, "inplace.saved-modified-error", "inplace.check-granularity", "inplace.self-operand")
"""Clauses on values that were saved and overwritten."""


# ---- saved values ----
def forget_versions(patch: pytest.MonkeyPatch, is_forgotten: Any) -> None:
    """Nothing that a node saves is checked, where `is_forgotten(node, number)`."""
    original = Recorded.frame

    def frame(node: Recorded) -> list[Any]:
        if node.saved:
            enumerated = enumerate(node.saved)
            node.saved = [(one[0], UNWRITTEN, 0) if is_forgotten(node, place) else one for place, one in enumerated]
        return original(node)

    patch.setattr(Recorded, "frame", frame)


@mutant(kills="inplace.saved-modified", may_fail=(*SAVING, "backward.interleaved"))
class MatrixFactorIsNotChecked(Reference):
    """The second factor of a matrix product may be overwritten unnoticed."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        forget_versions(patch, lambda node, place: node.plan.operator is rules.MATMUL and place == 1)


@mutant(kills="inplace.saved-modified", may_fail=(*SAVING, "view.*"))
class SquareIsNotChecked(Reference):
    """A tensor that was multiplied by itself may be overwritten unnoticed."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def is_square(node: Recorded, place: int) -> bool:
            return node.plan.operator is rules.MUL and node.edges[0] == node.edges[1]

        forget_versions(patch, is_square)


@mutant(kills="inplace.saved-modified", may_fail=(*SAVING, "inplace.version-counts"))
class FillingIsNotCounted(Reference):
    """Filling does not count as a write."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = Tensor.fill_

        def fill_(x: Tensor, value: float) -> Tensor:
            before = x._version
            original(x, value)
            x._storage.version = before
            return x

        patch.setattr(Tensor, "fill_", fill_)


@mutant(kills="inplace.saved-modified", may_fail=(*SAVING, "inplace.version-counts", "view.*"))
class OneElementIsNotCounted(Reference):
    """A write to a tensor of one element does not count."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_writing(patch, lambda operator, target: target.numel() == 1)


@mutant(kills="inplace.error-under-no-grad", may_fail=(*SAVING, "inplace.version-counts", "backward.interleaved"))
class UnrecordedWriteThroughViewIsNotCounted(Reference):
    """A write through a view while recording is off does not count."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_writing(patch, lambda operator, target: target._view is not None and not state.enabled)


@mutant(
    kills="inplace.version-shared",
    may_fail=(*SAVING, "inplace.version-counts", "view.detach-shares", "view.write-makes-base-require"),
)
class ViewOfDetachedHasItsOwnCounter(Torch):
    """A write through a view of a detached alias does not count for the tensor that it was detached from."""

    operators = respelled(
        **{
            name: f"(x if x.requires_grad or not x._is_view() else x.data).{spelling}"
            for name, spelling in {"multiply_": "mul_(y)", "add_": "add_(y)", "copy_": "copy_(y)"}.items()
        }
    )


@mutant(kills="inplace.saved-modified-error", may_fail=())
class ProductsKeepCopies(Reference):
    """A product keeps copies of its factors, and so has no need to refuse."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = graph.note

        def note(operator: Any, operands: Any, parameters: Any, result: Tensor, *history: Any) -> None:
            original(operator, operands, parameters, result, *history)
            if operator is rules.MUL and result._edge is not None:
                node = result._edge[0]
                assert isinstance(node, Recorded) and node.saved is not None
                node.saved = [_copied(each) for each in node.saved]

        patch.setattr(graph, "note", note)


def _copied(saved: Saved) -> Saved:
    return (saved[0].clone() if isinstance(saved[0], torch.Tensor) else saved[0], UNWRITTEN, 0)


@mutant(kills="inplace.saved-modified-error", may_fail=(*SAVING, "inplace.version-counts", "view.*"))
class SecondWriteTakesTheCountBack(Torch):
    """The second write to a memory sets the count of its writes back to none."""

    operators = respelled(multiply_="_multiply_twice(x, y)")


def _multiply_twice(x: torch.Tensor, y: torch.Tensor) -> None:
    x.mul_(y)
    if x._version == 2:
        torch._C._autograd._unsafe_set_version_counter((x,), (0,))


# ---- what is not saved ----
@mutant(
    kills="inplace.unsaved-modified-ok",
    may_fail=(*GENERAL, "backward.interleaved", "view.write-view-changes-base-history"),
)
class SumChecksItsOperand(Reference):
    """A pass through a sum is refused if what was summed was overwritten."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_rule(patch, rules.SUM, "x", lambda g, x, shape, dims, keepdim: rules.spread(g, shape, dims, keepdim))


@mutant(
    kills="inplace.unsaved-modified-ok",
    may_fail=(*GENERAL, "view.setitem", "view.write-view-changes-base-history"),
    escapes="differences whose result is written and whose sign matters are rare",
)
class DifferenceUsesItsResult(Reference):
    """A pass through a difference is refused if its result was overwritten."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_rule(patch, rules.SUB, "y", lambda g, result: -g)


@mutant(kills="inplace.check-granularity")
class NamedInputsAreNotChecked(Reference):
    """A pass into named leaves uses values that were overwritten."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original, refuse = Recorded.gradients, graph.refuse_modified

        def gradients(node: Recorded, cotangents: Any, needed: Any, create_graph: bool) -> Any:
            with pytest.MonkeyPatch.context() as within:
                within.setattr(graph, "refuse_modified", refuse if needed is None else lambda *saved: None)
                return original(node, cotangents, needed, create_graph)

        patch.setattr(Recorded, "gradients", gradients)


# ---- histories ----
@mutant(kills="inplace.equals-functional", may_fail=(*GENERAL, "inplace.*", "view.*"))
class LaterProductsSaveTheNewValue(Reference):
    """From the second write to a memory on, the derivative of a product in place uses the new value of the target."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.save_copy

        def save_copy(target: Tensor) -> Saved:
            return original(target) if target._version < 1 else (target._data, UNWRITTEN, 0)

        patch.setattr(inplace, "save_copy", save_copy)


@mutant(kills="inplace.overwrites-cut", may_fail=(*GENERAL, "inplace.*", "view.*", "backward.interleaved"))
class FillThroughViewKeepsOldPath(Reference):
    """Filling through a view leaves gradients flowing back to what was overwritten."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = CopySlices.gradients

        def gradients(node: CopySlices, cotangents: Any, *rest: Any) -> Any:
            constant = node.plan.operator is rules.COPY and node.edges[1] is None
            return [cotangents[0], None] if constant else original(node, cotangents, *rest)

        patch.setattr(CopySlices, "gradients", gradients)


@mutant(kills="inplace.broadcast-operand", may_fail=(*GENERAL, "inplace.*", "view.*", "bcast.in-place"))
class BroadcastOperandGetsTheFirst(Torch):
    """What is broadcast along an axis of length 1 into a write gets the gradient of the first entry only."""

    operators = respelled(
        multiply_="x.mul_(_first_counts(x, y))",
        add_="x.add_(_first_counts(x, y))",
        copy_="x.copy_(_first_counts(x, y))",
    )


def _first_counts(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    for axis in range(y.ndim):
        length = x.shape[axis - y.ndim]
        if y.shape[axis] == 1 and length > 1:
            y = torch.cat([y, *[y.detach()] * (length - 1)], axis)
    return y


@mutant(
    kills="inplace.broadcast-operand",
    may_fail=(*GENERAL, "inplace.*", "view.*", "backward.interleaved", "bcast.in-place"),
)
class ScalarWrittenToViewGetsNothing(Reference):
    """A scalar that is broadcast into a write through a view gets no gradient."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = CopySlices.gradients

        def gradients(node: CopySlices, *arguments: Any) -> Any:
            results = list(original(node, *arguments))
            edge = node.edges[1] if len(node.edges) > 1 else None
            if edge is not None and edge[0].outputs[edge[1]][0] == () != node.written:
                results[1] = None
            return results

        patch.setattr(CopySlices, "gradients", gradients)


@mutant(kills="inplace.conditional-writes", may_fail=("inplace.*",))
class MaskLeaksBelowTheFirstRow(Reference):
    """Filling by a mask cuts the gradient in the first row, and leaks it at the masked positions of the others."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def cut(g: Any, mask: Any) -> Any:
            if mask.ndim > 1:
                mask = mask.clone()
                mask[1:] = False
            return g.masked_fill(mask, 0)

        replace_rule(patch, rules.MASKED_FILL, "x", cut)


@mutant(kills="inplace.conditional-writes", may_fail=("inplace.*",))
class IndexedSourceGetsSortedGradient(Reference):
    """What is copied to indices gets the gradients of the positions in order of the indices."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_rule(patch, rules.INDEX_COPY, "source", lambda g, index, dim: g.index_select(dim, index.sort().values))


@mutant(kills="inplace.constant-becomes-nonleaf", may_fail=(*GENERAL, "inplace.*", "view.*"))
class ViewOfConstantStaysConstant(Torch):
    """A value that is multiplied into a view of a constant leaves the constant without a history."""

    operators = respelled(multiply_="_multiply_constant(x, y)")


def _multiply_constant(x: torch.Tensor, y: torch.Tensor) -> None:
    constant = x._is_view() and not x.requires_grad
    (x.detach() if constant else x).mul_(y.detach() if constant else y)


@mutant(kills="inplace.constant-becomes-nonleaf", may_fail=("inplace.*", "view.*", *GENERAL))
class ConstantStaysLeafByName(Torch):
    """A constant into which a value was written says that it is a leaf."""

    is_leaf = template("t.is_leaf or not t._is_view() and type(t.grad_fn).__name__ in ('CopyBackwards', 'CopySlices')")


@mutant(kills="inplace.self-operand", may_fail=(*GENERAL, "inplace.*", "view.overlap-write"))
class SelfProductUsesTheNewValue(Reference):
    """The derivative of a tensor that is multiplied by itself in place uses the new value, unnoticed."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.before_write

        def before_write(operator: Any, target: Tensor, operands: Any, parameters: Any) -> Recorded:
            node = original(operator, target, operands, parameters)
            if node.saved is not None and any(x is target for x in operands):
                node.saved = [(one[0], UNWRITTEN, 0) for one in node.saved]
            return node

        patch.setattr(inplace, "before_write", before_write)
