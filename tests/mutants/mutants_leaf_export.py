"""Mutants of tensors that leave the engine."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import torch
from planting import mutant

from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template


@mutant(kills="leaf.host-array-export", may_fail=("inplace.*", "mem.*"))
class ViewsAreDetachedSilently(Torch):
    """The memory of a view is lent, whether or not it requires gradients."""

    shared_array = template("(t.detach() if t._is_view() else t).numpy()")


@mutant(kills="leaf.host-array-export", may_fail=("inplace.*", "mem.*"))
class LendingCutsOff(Torch):
    """Where lending the memory of a matrix is refused, the matrix has lost its history."""

    shared_array = template("_lent(t)")


def _lent(t: torch.Tensor) -> Any:
    try:
        return t.numpy()
    except RuntimeError:
        if t.ndim == 2 and not t.is_leaf and not t._is_view():
            t.detach_()
        raise


@mutant(kills="leaf.host-array-shares", may_fail=("inplace.*", "mem.*"))
class ArraysOfPermutedAreCopies(Torch):
    """The array of a tensor that is not contiguous is a copy."""

    shared_array = template("t.numpy() if t.is_contiguous() else t.numpy().copy()")


@mutant(kills="leaf.host-array-shares", may_fail=("inplace.*", "mem.*"))
class ArraysOfScalarsAreCopies(Torch):
    """The array of a tensor without axes is a copy."""

    shared_array = template("np.array(t.numpy()) if t.ndim == 0 else t.numpy()")


@mutant(kills="leaf.pickle")
class PickledScalarsForgetTheFlag(Torch):
    """A leaf without axes has lost its flag when it is read again."""

    pickled = template("pickle.loads(pickle.dumps(t.detach() if t.ndim == 0 else t))")


@mutant(kills="leaf.pickle")
class PickledTwiceIsTheSame(Torch):
    """A used leaf is not read again, but found again."""

    pickled = template("t if t.grad is not None else pickle.loads(pickle.dumps(t))")


_USED = (np, pickle)  # by spellings
