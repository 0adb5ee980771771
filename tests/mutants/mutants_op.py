"""Mutants of operators: a derivative that is wrong for some operands only."""

from __future__ import annotations

from heapq import heappush
from typing import Any

import pytest
from planting import PROGRAMS, mutant, replace_rule, respelled

import autograd_reference as torch  # noqa: F401  a spelling uses it
from autograd_conformance.adapters.reference import Reference
from autograd_reference import accumulate as accumulation
from autograd_reference import backward as walking
from autograd_reference import rules
from autograd_reference.accumulate import AccumulateGrad
from autograd_reference.node import Edge


# ---- broadcasting ----
def replace_unbroadcasting(patch: pytest.MonkeyPatch, fit: Any) -> None:
    """`fit(gradient, shape)` instead of the sum over what broadcasting has repeated."""
    original = walking.Pass.send

    def send(walk: walking.Pass, edge: Edge, gradient: Any, exclusive: bool, *cotangents: Any) -> None:
        shape = edge[0].outputs[edge[1]][0]
        original(walk, edge, gradient if gradient.shape == shape else fit(gradient, shape), exclusive, *cotangents)

    patch.setattr(walking.Pass, "send", send)


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class BroadcastIsAveraged(Reference):
    """The gradient of a broadcast operand is the mean over its copies."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_unbroadcasting(patch, lambda g, shape: g.sum_to_size(shape) * shape.numel() / g.numel())


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class AxisOfLengthOneKeepsLastCopy(Reference):
    """Along an axis of length one that was broadcast, the gradient of the last copy is kept; new axes are summed."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def fit(g: Any, shape: Any) -> Any:
            while g.ndim > len(shape):
                g = g.sum(0)
            for axis, length in enumerate(shape):
                g = g if g.shape[axis] == length else g.narrow(axis, -1, 1)
            return g

        replace_unbroadcasting(patch, fit)


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class NewAxisKeepsFirstCopy(Reference):
    """Along an axis that broadcasting has added, the gradient of the first copy is kept."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def fit(g: Any, shape: Any) -> Any:
            while g.ndim > len(shape):
                g = g[0]
            return g.sum_to_size(shape)

        replace_unbroadcasting(patch, fit)


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class GradientKeepsBroadcastShape(Reference):
    """A leaf that was broadcast stores the first gradient that reaches it in the larger shape."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = walking.Pass.send

        def send(walk: walking.Pass, edge: Edge, gradient: Any, exclusive: bool, *cotangents: Any) -> None:
            node = edge[0]
            if type(node) is not AccumulateGrad or node in walk.arrived or gradient.shape == node.outputs[0][0]:
                original(walk, edge, gradient, exclusive, *cotangents)
            else:
                walk.arrived[node] = [gradient, False]
                heappush(walk.heap, (node.order, node))

        patch.setattr(walking.Pass, "send", send)
        patch.setattr(accumulation, "own", lambda gradient, like, exclusive: gradient.clone())


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class BroadcastSubtrahendLosesSign(Reference):
    """The gradient of a subtrahend has its sign reversed only where it was not broadcast."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_rule(patch, rules.SUB, "y", lambda g, shape: -g if g.shape == shape else g)


# ---- arithmetic ----
@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class ProductRuleDivides(Reference):
    """The derivative of a product is the result divided by the factor: not a number where the factor is zero."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_rule(patch, rules.MUL, "x", lambda g, x, result: g * (result / x))


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class BatchOfSquareMatricesIsNotTransposed(Reference):
    """In a batch of products of square matrices the first factor is not transposed for the gradient of the second."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, x: Any) -> Any:
            square = x.ndim > 2 and x.shape[-1] == x.shape[-2]
            return (x if square else x.mT) @ g

        replace_rule(patch, rules.MATMUL, "y", rule)


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class SumIsSpreadByBroadcasting(Reference):
    """The gradient of a sum is spread by broadcasting alone, where that fits: along the wrong axis of a square."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any, dims: Any, keepdim: bool) -> Any:
            fits = g.ndim and all(a in (1, b) for a, b in zip(reversed(g.shape), reversed(shape), strict=False))
            return g.expand(shape) if fits else rules.spread(g, shape, dims, keepdim)

        replace_rule(patch, rules.SUM, "x", rule)


# ---- indexing and joining ----
@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class TakeOverwritesRepeats(Reference):
    """Of the gradients of an entry that `take` lists more than once, one is kept."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any, index: Any, dim: int) -> Any:
            return g.new_zeros(shape).index_copy(dim, index, g)

        replace_rule(patch, rules.INDEX_SELECT, "x", rule)


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class ConcatOfOneTensorCountsOnce(Reference):
    """A tensor that is joined to itself gets the gradient of its first copy alone."""

    operators = respelled(concat="torch.cat([xs[0], *(x.detach() if x is xs[0] else x for x in xs[1:])], axis)")


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class StackIsTakenApartAlongFirstAxis(Reference):
    """The gradient of a stack is taken apart along the first axis, where the lengths allow it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, which: int, dim: int) -> Any:
            return g.select(0 if g.shape[0] == g.shape[dim] else dim, which)

        replace_rule(patch, rules.STACK, "tensors", rule)


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class StepOfSliceIsForgotten(Reference):
    """The gradient of a slice with a step is put back without gaps."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any, key: Any) -> Any:
            *_, last = key
            if isinstance(last, slice) and last.step not in (None, 1):
                last = slice(last.start, last.start + g.shape[len(key) - 1])
            return rules.put_back(g, shape, rules.SLICE, (*key[:-1], last))

        replace_rule(patch, rules.SLICE, "x", rule)


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class OffsetOfDiagonalLosesSign(Reference):
    """The gradient of a diagonal below the main one is put back above it, or does not fit there."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any, offset: int, dim1: int, dim2: int) -> Any:
            return rules.put_back(g, shape, rules.DIAGONAL, abs(offset), dim1, dim2)

        replace_rule(patch, rules.DIAGONAL, "x", rule)


# ---- shapes and strides ----
@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class PermutationIsNotInverted(Reference):
    """The gradient of a permutation is permuted again instead of back: wrong where three axes change places."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any, dims: Any) -> Any:
            there = g.permute(dims)
            return there if there.shape == shape else g.permute(rules.inverse(dims))

        replace_rule(patch, rules.PERMUTE, "x", rule)


@mutant(kills="op.exact-program", may_fail=PROGRAMS)
class ExpandKeepsLastSlice(Reference):
    """The gradient of `broadcast_to` with a new axis is that of the last copy."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_rule(patch, rules.EXPAND, "x", lambda g, shape: g[-1] if g.ndim > len(shape) else g)


@mutant(
    kills="op.exact-program",
    may_fail=PROGRAMS,
)
class ReshapeReadsMemoryOrder(Reference):
    """Reshaping a permuted tensor takes the elements as they lie in memory."""

    operators = respelled(reshape="(x if x.is_contiguous() else x.permute(_as_in_memory(x))).reshape(shape)")


def _as_in_memory(x: Any) -> list[int]:
    return sorted(range(x.ndim), key=lambda axis: -x.stride(axis))
