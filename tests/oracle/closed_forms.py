"""What each operator must give, worked out on paper: arrays in, value and gradients out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_conformance.operators import VIEWS
from autograd_conformance.programs.oracle import Dual, Oracle
from autograd_conformance.programs.program import DETACH, Step

EVERYTHING = frozenset({*VIEWS, DETACH})
ALL = slice(None)


@dataclass(frozen=True)
class Form:
    """The inputs want gradients, constants do not and are numbered after them; the last step is the root unless said."""

    name: str
    inputs: Sequence[Any]
    steps: Sequence[Step]
    cotangent: Any
    value: Any
    gradients: Sequence[Any]
    constants: Sequence[Any] = ()
    root: int | None = None
    aliasing: Collection[str] = EVERYTHING


def tensors_of(form: Form) -> list[Dual]:
    """All tensors of the form, from the oracle."""
    oracle = Oracle(form.aliasing)
    arrays = [np.array(each, float) for each in (*form.inputs, *form.constants)]
    tensors = oracle.inputs(arrays, [True] * len(form.inputs) + [False] * len(form.constants))
    for step in form.steps:
        tensors.append(oracle.apply(step, [tensors[number] for number in step.operands]))
    return tensors


def check(form: Form) -> None:
    """The root's value and every input's gradient are those on paper."""
    root = tensors_of(form)[-1 if form.root is None else form.root]
    np.testing.assert_array_equal(root.value, np.array(form.value, float), strict=True)
    total = np.tensordot(np.array(form.cotangent, float), root.tangent, np.ndim(form.cotangent))
    expected = np.concatenate([np.ravel(each) for each in form.gradients])
    np.testing.assert_array_equal(total, expected.astype(float), strict=True)


def one(operator: str, inputs: Sequence[Any], cotangent: Any, value: Any, *gradients: Any, **params: Any) -> Form:
    """A form of one step on all inputs."""
    step = Step(operator, tuple(range(len(inputs))), params)
    about = f" {', '.join(f'{name}={each}' for name, each in params.items())}" if params else ""
    return Form(operator + about, inputs, (step,), cotangent, value, gradients)


MATRIX = [[1, 2, 3], [4, 5, 6]]
FUNCTIONS = (
    one("add", ([[1], [2]], [10, 20, 30]), MATRIX, [[11, 21, 31], [12, 22, 32]], [[6], [15]], [5, 7, 9]),
    one("subtract", ([5, 7], [[1, 2], [3, 4]]), [[1, 2], [3, 4]], [[4, 5], [2, 3]], [4, 6], [[-1, -2], [-3, -4]]),
    one("negative", ([2, -3],), [5, 7], [-2, 3], [-5, -7]),
    one("clone", ([2, -3],), [5, 7], [2, -3], [5, 7]),
    one("multiply", ([2, 3], [[5], [7]]), [[1, 2], [3, 4]], [[10, 15], [14, 21]], [26, 38], [[8], [18]]),
    one(
        "matmul",
        ([[1, 2], [3, 4]], [[5, 6], [7, 8]]),
        [[1, 0], [0, 2]],
        [[19, 22], [43, 50]],
        [[5, 7], [12, 16]],
        [[1, 6], [2, 8]],
    ),
    one(
        "matmul",
        ([[[1, 2]], [[3, 4]]], [[5], [6]]),
        [[[1]], [[2]]],
        [[[17]], [[39]]],
        [[[5, 6]], [[10, 12]]],
        [[7], [10]],
    ),
    one("sum", (MATRIX,), [[7], [8]], [[6], [15]], [[7, 7, 7], [8, 8, 8]], axis=(1,), keepdims=True),
    one("sum", (MATRIX,), [1, 2, 3], [5, 7, 9], [[1, 2, 3], [1, 2, 3]], axis=(0,), keepdims=False),
    one("sum", (MATRIX,), 2, 21, [[2, 2, 2], [2, 2, 2]], axis=(0, 1), keepdims=False),
    one("sum", ([3, 4],), [5, 6], [3, 4], [5, 6], axis=(), keepdims=False),
    one("take", ([10, 20, 30],), [1, 2, 4], [30, 10, 30], [2, 0, 5], indices=(2, 0, 2), axis=0),
    one("take", ([[1, 2], [3, 4]],), [[5], [6]], [[2], [4]], [[0, 5], [0, 6]], indices=(1,), axis=1),
    one(
        "concat",
        ([[1], [2]], [[3, 4], [5, 6]]),
        MATRIX,
        [[1, 3, 4], [2, 5, 6]],
        [[1], [4]],
        [[2, 3], [5, 6]],
        axis=1,
    ),
    one("stack", ([1, 2], [3, 4]), [[1, 2], [3, 4]], [[1, 3], [2, 4]], [1, 3], [2, 4], axis=1),
    one("stack", (3, 4), [5, 6], [3, 4], 5, 6, axis=0),
)
VIEWED = (
    one("reshape", (MATRIX,), [[1, 2], [3, 4], [5, 6]], [[1, 2], [3, 4], [5, 6]], MATRIX, shape=(3, 2)),
    one(
        "permute_dims",
        ([[[1, 2, 3], [4, 5, 6]]],),
        [[[1, 2]], [[3, 4]], [[5, 6]]],
        [[[1, 4]], [[2, 5]], [[3, 6]]],
        [[[1, 3, 5], [2, 4, 6]]],
        axes=(2, 0, 1),
    ),
    one("expand_dims", ([1, 2],), [[3], [4]], [[1], [2]], [3, 4], axis=1),
    one("squeeze", ([[1, 2]],), [3, 4], [1, 2], [[3, 4]], axis=0),
    one(
        "broadcast_to",
        ([[1], [2]],),
        [MATRIX, [[7, 8, 9], [10, 11, 12]]],
        [[[1, 1, 1], [2, 2, 2]]] * 2,
        [[30], [48]],
        shape=(2, 2, 3),
    ),
    one("select", (MATRIX,), [7, 8], [2, 5], [[0, 7, 0], [0, 8, 0]], key=(ALL, 1)),
    one("slice", ([1, 2, 3, 4, 5],), [3, 9], [2, 4], [0, 3, 0, 9, 0], key=(slice(1, 5, 2),)),
    one("slice", (MATRIX,), [[3], [9]], [[3], [6]], [[0, 0, 3], [0, 0, 9]], key=(ALL, slice(2, 3, 1))),
    one("diagonal", (MATRIX,), [7, 8], [2, 6], [[0, 7, 0], [0, 0, 8]], offset=1, axis1=0, axis2=1),
    one("diagonal", (MATRIX,), [7], [4], [[0, 0, 0], [7, 0, 0]], offset=1, axis1=1, axis2=0),
    one("diagonal", (MATRIX,), [7], [4], [[0, 0, 0], [7, 0, 0]], offset=-1, axis1=0, axis2=1),
    one(
        "diagonal",
        ([[[1, 2]], [[3, 4]]],),
        [[5, 6]],
        [[1, 4]],
        [[[5, 0]], [[0, 6]]],
        offset=0,
        axis1=0,
        axis2=2,
    ),
)


def negated(*later: Step) -> tuple[Step, ...]:
    """Steps that begin with a negated copy of input 0, which may be written."""
    return (Step("negative", (0,)), *later)


def off(operator: str, *operands: int, **params: Any) -> Step:
    """A step with recording off."""
    return Step(operator, operands, params, recorded=False)


CHAINS = (
    Form("x * x", [3], (Step("multiply", (0, 0)),), 2, 9, [12]),
    Form("x ** 4 by squaring twice", [2], (Step("multiply", (0, 0)), Step("multiply", (1, 1))), 1, 16, [32]),
    Form("x + x", [[5, 6]], (Step("add", (0, 0)),), [1, 2], [10, 12], [[2, 4]]),
    Form("a constant has no gradient", [[2]], (Step("multiply", (0, 1)),), [3], [10], [[15]], constants=[[5]]),
    Form(
        "reshape of permuted",
        [[[1, 2], [3, 4]]],
        (Step("permute_dims", (0,), {"axes": (1, 0)}), Step("reshape", (1,), {"shape": (4,)})),
        [1, 2, 3, 4],
        [1, 3, 2, 4],
        [[[1, 3], [2, 4]]],
    ),
    Form("x * detach(x)", [[2, 3]], (Step(DETACH, (0,)), Step("multiply", (0, 1))), [1, 5], [4, 9], [[2, 15]]),
    Form(
        "a view of a detached tensor",
        [[2, 3]],
        (Step(DETACH, (0,)), Step("select", (1,), {"key": (1,)}), Step("multiply", (0, 2))),
        [1, 5],
        [6, 9],
        [[3, 15]],
    ),
    Form("unrecorded product", [[2, 3]], (off("multiply", 0, 0), Step("multiply", (0, 1))), [1, 1], [8, 27], [[4, 9]]),
    Form(
        "unrecorded view",
        [[2, 3]],
        (off("select", 0, key=(1,)), Step("multiply", (0, 1))),
        [1, 5],
        [6, 9],
        [[3, 15]],
    ),
)
ON_WRITES = (
    Form("add_", [[1, 2], [10]], negated(Step("add_", (2, 1))), [3, 4], [9, 8], [[-3, -4], [7]]),
    Form("multiply_", [[2, 3], [5, 7]], negated(Step("multiply_", (2, 1))), [1, 4], [-10, -21], [[-5, -28], [-2, -12]]),
    Form("copy_", [[2, 3], [4]], negated(Step("copy_", (2, 1))), [1, 2], [4, 4], [[0, 0], [3]]),
    Form(
        "setitem_ to a slice",
        [[1, 2, 3], [5]],
        negated(Step("setitem_", (2, 1), {"key": (slice(0, 3, 2),)})),
        [1, 2, 4],
        [5, -2, 5],
        [[0, -2, 0], [5]],
    ),
    Form(
        "setitem_ to a column",
        [[[1, 2], [3, 4]], [7, 8]],
        negated(Step("setitem_", (2, 1), {"key": (ALL, 0)})),
        [[1, 2], [3, 4]],
        [[7, -2], [8, -4]],
        [[[0, -2], [0, -4]], [1, 3]],
    ),
    Form("fill_", [[2, 3]], negated(Step("fill_", (1,), {"value": 5})), [1, 4], [5, 5], [[0, 0]]),
    Form(
        "masked_fill_",
        [[2, 3]],
        negated(Step("masked_fill_", (1,), {"mask": (False, True), "value": 5})),
        [1, 4],
        [-2, 5],
        [[-1, 0]],
    ),
    Form(
        "index_copy_ to columns",
        [[[1, 2, 3]], [[5, 6]]],
        negated(Step("index_copy_", (2, 1), {"indices": (2, 0), "axis": 1})),
        [[1, 2, 4]],
        [[6, -2, 5]],
        [[[0, -2, 0]], [[4, 1]]],
    ),
    Form(
        "written twice, read between",
        [[2], [5]],
        negated(Step("multiply_", (2, 1)), Step("negative", (3,)), Step("multiply_", (2, 1)), Step("add", (4, 5))),
        [1],
        [-40],  # xy - xy², so the derivatives are y - y² and x - 2xy
        [[-20], [-18]],
        root=6,
    ),
    Form(
        "through a view, seen in the base",
        [[[1, 2], [3, 4]], [5, 6]],
        negated(Step("select", (2,), {"key": (0,)}), Step("multiply_", (3, 1))),
        [[1, 2], [3, 4]],
        [[-5, -12], [-3, -4]],
        [[[-5, -12], [-3, -4]], [-1, -4]],
        root=2,
    ),
    Form(
        "to the base, seen in an earlier view of a view",
        [[[1, 2], [3, 4]], [[5], [6]]],
        negated(
            Step("permute_dims", (2,), {"axes": (1, 0)}),
            Step("slice", (3,), {"key": (slice(1, 2),)}),
            Step("copy_", (2, 1)),
        ),
        [[7, 9]],
        [[5, 6]],
        [[[0, 0], [0, 0]], [[7], [9]]],
        root=4,
    ),
    Form(
        "unrecorded multiply_",
        [[2, 3], [5, 7]],
        negated(off("multiply_", 2, 1)),
        [1, 4],
        [-10, -21],
        [[-1, -4], [0, 0]],
    ),
    Form("unrecorded copy_", [[2, 3], [4]], negated(off("copy_", 2, 1)), [1, 2], [4, 4], [[-1, -2], [0]]),
    Form(
        "read after an unrecorded write",
        [[2], [5]],
        negated(off("multiply_", 2, 1), Step("multiply", (2, 2))),
        [1],
        [100],
        [[20], [0]],
    ),
    Form(
        "to a detached alias: the value changes, the history does not",
        [[2, 3], [5, 7]],
        negated(Step(DETACH, (2,)), Step("multiply_", (3, 1))),
        [1, 4],
        [-10, -21],
        [[-1, -4], [0, 0]],
        root=2,
    ),
    Form(
        "to a tensor, seen in its detached alias",
        [[2], [5]],
        negated(Step(DETACH, (2,)), Step("multiply_", (2, 1)), Step("multiply", (0, 3))),
        [1],
        [-20],
        [[-10], [0]],
    ),
    Form(
        "detach that copies",
        [[2], [5]],
        negated(Step(DETACH, (2,)), Step("multiply_", (3, 1)), Step("add", (2, 3))),
        [1],
        [-12],
        [[-1], [-2]],
        aliasing=VIEWS,
    ),
)
COVERED: Sequence[tuple[str, dict[str, Any], Any]] = (
    ("reshape", {"shape": (3, 2)}, [[1, 1, 1], [1, 1, 1]]),
    ("permute_dims", {"axes": (1, 0)}, [[1, 1, 1], [1, 1, 1]]),
    ("expand_dims", {"axis": 2}, [[1, 1, 1], [1, 1, 1]]),
    ("select", {"key": (1,)}, [[0, 0, 0], [1, 1, 1]]),
    ("slice", {"key": (ALL, slice(0, 3, 2))}, [[1, 0, 1], [1, 0, 1]]),
    ("diagonal", {"offset": 1, "axis1": 0, "axis2": 1}, [[0, 1, 0], [0, 0, 1]]),
)
"""A view of a 2 by 3 matrix, and the elements that it covers."""


def seen_through(operator: str, params: dict[str, Any], covered: Any, *, aliases: bool) -> Form:
    """A nine written through a view of minus MATRIX: in the base it is where the view lies, if it is a view at all."""
    hit = np.array(covered) * aliases
    value = np.where(hit, 9, -np.array(MATRIX))
    return Form(
        f"a write through {operator}, {'a view' if aliases else 'a copy'}",
        [MATRIX, 9],
        negated(Step(operator, (2,), params), Step("copy_", (3, 1))),
        MATRIX,
        value,
        [-np.array(MATRIX) * (1 - hit), (np.array(MATRIX) * hit).sum()],
        root=2,
        aliasing=EVERYTHING if aliases else (),
    )


SEEN_THROUGH = tuple(seen_through(*each, aliases=aliases) for each in COVERED for aliases in (True, False))
FORMS = (*FUNCTIONS, *VIEWED, *CHAINS, *ON_WRITES, *SEEN_THROUGH)
