"""The workloads: what is timed, the same for every engine.

The body of a workload is Python in the suite's names for operators and verbs; `native.py` puts an engine's own calls in
their place. Beside it stands the same computation by hand: the same kernels on bare arrays, no autograd at all. That is
the floor, to which every figure is a ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import floors

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Workload:
    """What is computed from `x0, x1, ...`, at several sizes."""

    name: str
    meaning: str
    sizes: tuple[int, ...]
    unit: str
    """What a size counts."""
    shapes: Callable[[int], Shapes]
    """Of the operands."""
    body: str
    """Statements that compute `y`, a tensor of one element, from the operands and `n`, the size."""
    floor: Callable[..., Any]
    """`floor(lib, n, *arrays)` with NumPy or torch as `lib`: the value, and a gradient for each operand."""
    constants: tuple[int, ...] = ()
    """The numbers of the operands of which no gradient is wanted."""
    needs: tuple[str, ...] = ()
    """Capabilities beside vjp."""
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Function -> engine -> its spelling, for what the contract has no operator for."""


def vectors(count: int) -> Callable[[int], Shapes]:
    return lambda n: ((n,),) * count


def perceptron(rows: int, width: int) -> Shapes:
    return ((rows, width), (width, width), (width,), (width, width), (width,), (width, 1))


TANH = {
    "tanh(x)": {
        **dict.fromkeys(("torch", "reference"), "torch.tanh(x)"),
        "paddle": "paddle.tanh(x)",
        "autograd": "np.tanh(x)",
        "mygrad": "mg.tanh(x)",
        "tinygrad": "x.tanh()",
    }
}
LAYERS = """
h = tanh(add(matmul(x0, x1), x2))
h = tanh(add(matmul(h, x3), x4))
h = matmul(h, x5)
y = sum(multiply(h, h), axis=(0, 1), keepdims=False)
"""

SUM = "y = sum({}, axis=(0,), keepdims=False)"
CUBE = Workload(
    "cube", "", (), "elements", vectors(2), SUM.format("multiply(multiply(x0, x0), multiply(x0, x1))"), floors.operator
)
ALONG = Workload("along", "", (), "elements", vectors(2), SUM.format("multiply(x0, x1)"), floors.operator)
"""The two halves of a Hessian-vector product."""

WORKLOADS = (
    Workload(
        "operator",
        "one product and its sum, forward and backward",
        (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000),
        "elements",
        vectors(2),
        "y = sum(multiply(x0, x1), axis=(0,), keepdims=False)",
        floors.operator,
    ),
    Workload(
        "chain",
        "a chain of products and sums, one after the other, of 4 elements",
        (10, 100, 1_000, 10_000, 100_000, 1_000_000),
        "nodes",
        lambda n: ((4,), (4,)),
        "y = x0\nfor _ in range(n // 2):\n    y = add(multiply(y, x1), x0)\ny = sum(y, axis=(0,), keepdims=False)",
        floors.chain,
    ),
    Workload(
        "fan-out",
        "one leaf used many times, and all the uses added up",
        (10, 100, 1_000, 10_000),
        "uses",
        lambda n: ((4,), (4,)),
        "y = multiply(x0, x1)\nfor _ in range(n - 1):\n    y = add(y, multiply(x0, x1))\n"
        "y = sum(y, axis=(0,), keepdims=False)",
        floors.fan_out,
    ),
    Workload(
        "views",
        "a matrix taken apart by rows, transposed and reshaped",
        (4, 16, 64, 256),
        "rows",
        lambda n: ((n, 16), (16,)),
        "y = multiply(select(x0, key=(0,)), x1)\n"
        "for k in range(1, n):\n"
        "    row = select(permute_dims(reshape(x0, shape=(n, 4, 4)), axes=(0, 2, 1)), key=(k,))\n"
        "    y = add(y, multiply(reshape(row, shape=(16,)), x1))\n"
        "y = sum(y, axis=(0,), keepdims=False)",
        floors.views,
    ),
    Workload(
        "writes",
        "a copy of a vector that is written over and over, in whole and in part",
        (10, 100, 1_000),
        "writes",
        lambda n: ((16,), (16,)),
        "y = add(x0, x1)\n"
        "for _ in range(n // 2):\n"
        "    add_(y, x0)\n"
        "    multiply_(slice(y, key=(slice(0, 8, 1),)), 0.5)\n"
        "y = sum(y, axis=(0,), keepdims=False)",
        floors.writes,
        needs=("add_", "multiply_"),
    ),
    Workload(
        "perceptron, small",
        "the gradients of three layers on a batch of 8: overhead decides",
        (8, 32),
        "width",
        lambda n: perceptron(8, n),
        LAYERS,
        floors.perceptron,
        constants=(0,),
        own=TANH,
    ),
    Workload(
        "perceptron, large",
        "the gradients of three layers on a batch of 512: kernels decide",
        (256, 1024),
        "width",
        lambda n: perceptron(512, n),
        LAYERS,
        floors.perceptron,
        constants=(0,),
        own=TANH,
    ),
)
