"""What nodes and their saved values are called: as in torch, where programs print these names and ask for them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .accumulate import AccumulateGrad
from .definition import Plan, parameters_of
from .node import conjugate
from .tensor import Tensor

# torch numbers the forms of a function: over all elements, over a dimension, over several; by numbers, by tensors.
BY_DIM = ("sum", "mean", "prod", "squeeze")
FIRST_FORM = ("max", "min", "clamp", "rsub")
# What users call the operands and parameters that our tables call otherwise.
TORCHS = {"x": "self", "y": "other", "dims": "dim"}
# Functions that are one operator in torch, and made of several here: what their nodes are called there.
_COMPOSED = """
    addbmm addmv addr aminmax baddbmm pdist channel_shuffle cholesky_inverse diagonal_scatter dist dsplit=slice
    hsplit=slice masked_scatter masked_select msort=sort nansum narrow=slice put rot90 select_scatter slice_scatter
    square=pow std_mean take tensor_split=slice trace var_mean vdot vsplit=slice
    adaptive_max_pool2d adaptive_max_pool3d
    batch_norm=native_batch_norm binary_cross_entropy binary_cross_entropy_with_logits celu embedding glu group_norm=native_group_norm
    hardshrink hardsigmoid huber_loss layer_norm=native_layer_norm max_pool2d=max_pool2d_with_indices
    max_pool3d=max_pool3d_with_indices multi_margin_loss prelu=prelu_kernel rrelu=rrelu_with_noise smooth_l1_loss
    soft_margin_loss softshrink threshold
    linalg.cholesky=linalg_cholesky_ex linalg.solve=linalg_solve_ex
"""
COMPOSED = {name: node or name for name, _, node in (each.partition("=") for each in _COMPOSED.split())}


def camel(name: str) -> str:
    """The name of a function as its nodes have it: `avg_pool2d` is AvgPool2D."""
    return name.title().replace("_", "")


def node_name(name: str, parameters: tuple[Any, ...]) -> str:
    """The name of the nodes of an operator, such as MulBackward0."""
    form = int(name in FIRST_FORM or (name in BY_DIM and parameters[0] is not None))
    if name == "copy":
        return "torch::autograd::CopyBackwards"  # in torch no generated class
    if name == "slice":
        name = last_part(parameters[0])
    elif name == "random":
        name = parameters[0][:-1]  # of the method that has drawn
    elif name == "squeeze" and isinstance(parameters[0], tuple):
        form = 2
    return f"{camel(name)}Backward{form}"


def last_part(key: Any) -> str:
    """What the last part of a key does. torch takes the parts one by one, and that names the node."""
    for part in reversed(key if isinstance(key, tuple) else (key,)):
        if part is not Ellipsis and part != slice(None):
            return "unsqueeze" if part is None else "slice" if isinstance(part, slice) else "select"
    return "slice"


def called(name: str, results: Any) -> Any:
    """The results of a function that is one operator in torch, and several here: their nodes have its name."""
    for result in results if isinstance(results, tuple) else (results,):
        if isinstance(result, Tensor) and result._edge is not None:
            result._edge[0].rename(name)
    return results


def seen(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A public function, for whose results that is done where it must be."""
    if name not in COMPOSED:
        return function
    node = f"{camel(COMPOSED[name])}Backward0"

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return called(node, function(*args, **kwargs))

    return call


def saved_names(plan: Plan) -> list[str]:
    """What users call the saved values of an operator."""
    operands = [plan.operator.name_of(position) for position in plan.saves]
    return [saved_name(name) for name in [*operands, *plan.operator.results * plan.saves_results]]


def saved_name(name: str) -> str:
    """What users call an operand or parameter as the attribute of a node."""
    return f"_saved_{TORCHS.get(name, name)}"


def itself(value: Any) -> Any:
    """A saved value; for that of a leaf which has its memory still, the leaf."""
    if isinstance(value, Tensor) and value._edge is not None and isinstance(value._edge[0], AccumulateGrad):
        return value._edge[0].leaf if value._data is value._edge[0].leaf._data else value
    return value


def saved_value(name: str) -> property:
    """A node's saved value, as it was; None for one that only the rules of other operands read. It is a property of all nodes, because `__getattr__` would slow every access."""

    def value(node: Any) -> Any:
        operator = node.plan.operator
        if name in (parameters := [*map(saved_name, operator.parameters)]):
            return node.parameters[parameters.index(name)]
        if name not in (names := saved_names(node.plan)):
            if any(name in map(saved_name, parameters_of(rule)) for rule in operator.rules.values()):
                return None
            raise AttributeError(f"{node.name()!r} object has no attribute {name!r}")
        value = itself(node.recorded_frame()[names.index(name)])
        return conjugate(value) if node.plan.conjugates else value

    return property(value)
