"""Ties names to functions: the public ones, the methods of `Tensor`, and the methods that write in place.

A function is a method, too, if torch has a method of its name; and an operator of the tables writes in place under the
name with an underscore, if torch has that.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from operator import attrgetter
from types import FunctionType
from typing import Any

import numpy as np
import torch

from . import (
    accumulate,
    arithmetic,
    arranging,
    constant,
    creation,
    definition,
    elementwise,
    geometry,
    hooks,
    indexing,
    inplace,
    linalg,
    products,
    randomness,
    reductions,
    rules,
    shaping,
)
from .autograd import backward_method
from .definition import (
    FUNCTIONS,
    PUBLIC,
    VIEWS,
    Operator,
    described,
    function_of,
    named_as_in_torch,
    rearranged,
    written,
)
from .graph import Recorded, apply, apply_one, apply_two
from .missing import Missing
from .naming import saved_name, saved_names, saved_value, seen
from .saved import SavedTensor
from .tensor import Tensor

# Imported because they mark functions.
MARKING = (arranging, constant, creation, linalg, products, randomness, reductions)
OTHER_NAMES = """
    absolute=abs arccos=acos arccosh=acosh arcsin=asin arcsinh=asinh arctan=atan arctan2=atan2 arctanh=atanh clip=clamp
    concat=cat concatenate=cat divide=div fix=trunc ger=outer moveaxis=movedim multiply=mul negative=neg row_stack=vstack
    split_with_sizes=split subtract=sub swapaxes=transpose swapdims=transpose trapz=trapezoid true_divide=div
"""
NUMPYS_NAMES = {"axis": "dim", "keepdims": "keepdim"}
OPERANDS = (Tensor, int, float, complex, np.number, np.bool_)
APPLICATIONS = {"apply": apply, "apply_one": apply_one, "apply_two": apply_two}


def application(operator: Operator, operands: str, parameters: str) -> str:
    """The call that applies an operator to what is named."""
    if operator.rest or len(operator.operands) > 2:
        return f"apply(operator, ({operands}), ({parameters}))"
    name = "apply_one" if len(operator.operands) == 1 else "apply_two"
    return f"{name}(operator, {operands}({parameters}))" if parameters else f"{name}(operator, {operands})"


def publish(name: str, function: Callable[..., Any]) -> None:
    """Make a function known under a name, with the names that torch has for its arguments and for its nodes."""
    path = name.replace("special_", "special.")
    function = described(path if hasattr(torch, path.partition(".")[0]) else f"Tensor.{name}", function)
    function = with_numpys_names(name, named_as_in_torch(name, function, getattr(torch, name, None)))
    FUNCTIONS[name] = function = seen(name, function)
    if hasattr(torch.Tensor, name) and name not in vars(Tensor):
        setattr(Tensor, name, function)


def with_numpys_names(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; where torch's has a `dim` or `keepdim`, these may have NumPy's names, `axis` and `keepdims`."""
    forms = torch._C._jit_get_schemas_for_operator(f"aten::{name}")
    if not any(each.name == "dim" for form in forms for each in form.arguments):
        return function

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if "axis" in kwargs or "keepdims" in kwargs:
            names = [NUMPYS_NAMES.get(each, each) for each in kwargs]
            if len({*names}) < len(names):
                raise TypeError(f"{name}() got an argument under two names: {', '.join(kwargs)}")
            kwargs = dict(zip(names, kwargs.values(), strict=True))
        return function(*args, **kwargs)

    return call


def publish_operator(name: str, operator: Operator) -> None:
    """Make an operator known as function, method and write, unless there is a function that does more."""
    x = operator.operands[0]
    operands, others, parameters = (
        "".join(f"{each}, " for each in names)
        for names in (operator.operands, operator.operands[1:], operator.parameters)
    )
    if "keepdim" in operator.parameters:  # users say in several ways what a reduction is over
        parameters = parameters.replace("dims,", "arithmetic.dims_of(x, dims, keepdim),")
    if name in VIEWS:
        call, keywords = f"shaping.alias(operator, {x}, ({parameters}))", []
        write = f"geometry.reshape_in_place(operator, {x}, ({parameters}))"
    else:
        call, keywords = f"{application(operator, operands, parameters)} if out is None else ", ["out=None"]
        call += f"inplace.write_result(operator, ({operands}), ({parameters}), out)"
        write = f"inplace.write(operator, kernel, {x}, ({others}), ({parameters}))"
    modules = {"arithmetic": arithmetic, "geometry": geometry, "inplace": inplace, "shaping": shaping}
    names: dict[str, Any] = {**APPLICATIONS, **modules, "operator": operator}
    if name not in FUNCTIONS:
        FUNCTIONS[name] = function_of(operator, call, keywords=keywords, **names)
    if (kernel := getattr(torch.Tensor, f"{name}_", None)) is not None and f"{name}_" not in FUNCTIONS:
        names["kernel"] = rearranged(operator, kernel)
        FUNCTIONS[f"{name}_"] = function_of(operator, write, **names)


def renamed(name: str, function: Any) -> Callable[..., Any]:
    """The same function under another name of torch's, under which its arguments may have other names, too."""
    same = FunctionType(function.__code__, function.__globals__, name, function.__defaults__, function.__closure__)
    same.__kwdefaults__ = function.__kwdefaults__
    return same


def in_place(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The form that writes to its first operand, of a function that is not one operator of the tables."""

    def write(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        result = function(x.clone(), *args, **kwargs)  # which may save the values that are about to be lost
        if result.shape != x.shape or not torch.can_cast(result.dtype, x.dtype):
            raise RuntimeError(
                f"{name}_: the result type {result.dtype} can't be cast to the desired output type {x.dtype}, or its shape "
                f"{list(result.shape)} is not that of the tensor, {list(x.shape)}"
            )
        return inplace.copy_(x, result)

    return write


def binary(function: Any, other: str = "y") -> Callable[[Tensor, Any], Any]:
    """The method of a binary operator, which copies arrays, and leaves operands that it does not know to the other class.

    `other` is "x" where the tensor stands on the right.
    """
    call = "apply_two(function, {x}, {y})" if isinstance(function, Operator) else "function({x}, {y})"
    known, array = call.format(x="x", y="y"), call.format(**{"x": "x", "y": "y", other: f"copy({other})"})
    text = f"{known} if isinstance({other}, OPERANDS) else {array} if isinstance({other}, array) else NotImplemented"
    names = {**APPLICATIONS, "function": function, "OPERANDS": OPERANDS, "array": np.ndarray, "copy": copy_of_array}
    return written(f"lambda {'y, x' if other == 'x' else 'x, y'}: {text}", **names)


def copy_of_array(array: np.ndarray[Any, Any]) -> Tensor:
    """A tensor of an array's values, in memory of its own: the array's has no version counter."""
    return Tensor(torch.tensor(array))


def takes_out(name: str) -> bool:
    """Whether torch's function writes its result to a tensor, if it is given one by the name `out`."""
    forms = torch._C._jit_get_schemas_for_operator(f"aten::{name}")
    return any(each.name == "out" and each.kwarg_only for form in forms for each in form.arguments)


def with_out(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is not one operator of the tables, with the keyword `out`."""

    @functools.wraps(function)
    def call(*args: Any, out: Tensor | None = None, **kwargs: Any) -> Any:
        if out is None:
            return function(*args, **kwargs)
        if not isinstance(out, Tensor):
            raise NotImplementedError(f"{name}: `out` is to be one tensor, got {type(out).__name__}")
        given = [*args, *kwargs.values()]
        operands = [x for each in given for x in (each if isinstance(each, (list, tuple)) else (each,))]
        return inplace.write_out(name, operands, lambda: function(*args, **kwargs), out)

    return call


def casting(dtype: torch.dtype) -> Callable[..., Tensor]:
    """The method that casts to a dtype."""
    return lambda x, **how: arithmetic.to(x, dtype, **how)


def type_of(x: Tensor, dtype: Any = None) -> Any:
    """The name of the type, such as torch.FloatTensor; or the tensor in another dtype."""
    if isinstance(dtype, FunctionType):  # such as FloatTensor
        dtype = getattr(torch, dtype.__name__)
    return x._data.type() if dtype is None else arithmetic.to(x, torch.empty(0).type(dtype).dtype)


def raw_value(name: str) -> property:
    """A node's saved value, for who wants to pack it."""

    def value(node: Recorded) -> SavedTensor:
        if name not in (names := saved_names(node.plan)):
            raise AttributeError(f"{node.name()!r} object has no attribute '_raw{name}'")
        return SavedTensor(node, names.index(name))

    return property(value)


def name_saved_values() -> None:
    """Let users ask nodes for what operators save; to be called when all operators are there."""
    for name in definition.OPERANDS | definition.PARAMETERS:
        setattr(Recorded, saved_name(name), saved_value(saved_name(name)))
    for name in definition.OPERANDS:
        setattr(Recorded, f"_raw{saved_name(name)}", raw_value(saved_name(name)))


def iterate(x: Tensor) -> Iterator[Tensor]:
    """The positions of the first dimension. TypeError for a tensor that has none."""
    if x.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(shaping.unbind(x))


for name, operator in (PUBLIC | VIEWS).items():
    publish_operator(name, operator)
for name, other in [pair.split("=") for pair in OTHER_NAMES.split()]:
    for suffix in ("", "_"):
        if f"{other}{suffix}" in FUNCTIONS:
            FUNCTIONS[f"{name}{suffix}"] = renamed(f"{name}{suffix}", FUNCTIONS[f"{other}{suffix}"])
for name, function in list(FUNCTIONS.items()):
    publish(name, function)
for name, function in list(FUNCTIONS.items()):
    if hasattr(torch.Tensor, f"{name}_") and f"{name}_" not in FUNCTIONS and name not in ("as_strided", "polygamma"):
        publish(f"{name}_", in_place(name, function))
for name in [name for name in FUNCTIONS if name.startswith("new_")]:
    del FUNCTIONS[name]  # methods only

CASTS = "bfloat16 bool cdouble cfloat chalf double float half int long short"
PROPERTIES = "is_cpu is_cuda is_meta is_mps is_quantized is_sparse is_sparse_csr is_xpu itemsize layout nbytes"
WITH_FUNCTIONS = {
    "pow": "pow",
    "matmul": "matmul",
    "mod": "remainder",
    "floordiv": "floor_divide",
    "xor": "bitwise_xor",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}
BINARY: dict[str, Any] = {"add": rules.ADD, "sub": rules.SUB, "mul": rules.MUL, "truediv": rules.DIV}
BINARY |= {name: FUNCTIONS[function] for name, function in WITH_FUNCTIONS.items()}
# As torch computes them, to the last bit.
REFLECTED = {"sub": rules.RSUB, "truediv": lambda x, y: y.reciprocal() * x}
AUGMENTED = {name: name for name in ("add", "sub", "mul", "pow")} | {"truediv": "div", "mod": "remainder"}
AUGMENTED |= {"floordiv": "floor_divide", "xor": "bitwise_xor", "and": "bitwise_and", "or": "bitwise_or"}
OTHERS: dict[str, Any] = {
    "_constructed": creation.construct,
    "_is_view": lambda x: x._view is not None,
    "backward": backward_method,
    "retain_grad": accumulate.retain_grad,
    "retains_grad": property(accumulate.retains_grad),
    "register_hook": hooks.register_hook,
    "register_post_accumulate_grad_hook": hooks.register_post_accumulate_grad_hook,
    "where": arithmetic.where_method,
    "T": property(lambda x: shaping.permute(x, *reversed(range(x.ndim)))),
    "mT": property(lambda x: x.transpose(-2, -1)),
    "cpu": lambda x: arithmetic.to(x, "cpu"),
    "cuda": lambda x, device="cuda", **how: arithmetic.to(x, device, **how),
    "byte": casting(torch.uint8),
    "char": casting(torch.int8),
    "H": property(lambda x: x.transpose(0, 1).conj()),
    "mH": property(lambda x: x.transpose(-2, -1).conj()),
    "real": property(FUNCTIONS["real"], lambda x, value: indexing.setitem(x.real, ..., value)),
    "imag": property(FUNCTIONS["imag"], lambda x, value: indexing.setitem(x.imag, ..., value)),
    "polygamma": lambda x, n: apply(elementwise.POLYGAMMA, (x,), (n,)),
    "type": type_of,
    "type_as": lambda x, other: arithmetic.to(x, other.device, other.dtype),
    **{name: casting(getattr(torch, name)) for name in CASTS.split()},
    **{name: property(attrgetter(f"_data.{name}")) for name in PROPERTIES.split()},
    **{f"__i{name}__": binary(FUNCTIONS[f"{function}_"]) for name, function in AUGMENTED.items()},
    **{f"__{name}__": binary(function) for name, function in BINARY.items()},
    **{f"__r{name}__": binary(function, "x") for name, function in (BINARY | REFLECTED).items()},
    **{f"__r{name}__": binary(BINARY[name]) for name in ("add", "mul")},  # with the tensor first, as in torch
    **{f"__{name.strip('_')}__": binary(operator) for name, operator in rules.COMPARISONS.items()},
    "__abs__": FUNCTIONS["abs"],
    "__pos__": FUNCTIONS["positive"],
    "__contains__": lambda x, value: bool((x == value).any()),
    "__format__": lambda x, form: format(x.item() if x.ndim == 0 else str(x), form),
    "__invert__": FUNCTIONS["bitwise_not"],
    "__neg__": FUNCTIONS["neg"],
    "__iter__": iterate,
    "storage": constant.constant(torch.Tensor.storage),
    "__reversed__": lambda x: x.flip(0) if x.ndim else x,
    "__getitem__": indexing.getitem,
    "__setitem__": indexing.setitem,
}
for name, member in OTHERS.items():
    is_method = isinstance(member, FunctionType) and name[0] != "_"
    setattr(Tensor, name, described(f"Tensor.{name}", member) if is_method else member)
for name, function in list(FUNCTIONS.items()):  # not the methods
    if takes_out(name) and "out" not in inspect.signature(function).parameters:
        FUNCTIONS[name] = with_out(name, function)
for name in dir(torch.Tensor):
    if name[0] != "_" and not hasattr(Tensor, name):
        setattr(Tensor, name, Missing(name))
