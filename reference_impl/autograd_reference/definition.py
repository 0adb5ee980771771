"""What an operator is: a function on raw torch tensors, and one short derivative rule for each operand.

    MUL = Operator("mul", operator.mul, "x y", x=lambda g, y: g * y, y=lambda g, x: g * x)

A rule takes the cotangent `g` of the result and gives the cotangent of one operand. The names of its further parameters
say what it needs, and so what recording must save:

    an operand's name     its value; `*rest` in the signature collects the remaining operands, for rules as a list
    a parameter's name    names after ";" in the signature are not differentiable: axes, sizes, ...
    result                the value of the result; of several, the names after "->" in the signature
    shape                 the shape of the operand the rule is for
    which                 the position of that operand among the operands

A rule that gives a cotangent broader than the operand is completed by summing over what was broadcast, and one of
another dtype by casting: the backward walk does both, in one place. Where the result is complex, what a rule reads comes
conjugated: so the rule of a holomorphic function, written as for real numbers, gives the conjugated derivative that descends.
Of an operator that has several results, `g` is a list, with None for those without a gradient, and nothing is conjugated.

`define` also makes the functions that users call, of an operator that is nothing but itself; what needs more thought
is an ordinary function, marked `public`. Either is a method of tensors, too, where torch has such a method.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeVar

import torch

Function = TypeVar("Function", bound=Callable[..., Any])
Values = tuple[Any, ...]
"""The operands or the parameters that an operator is given."""


class Plan:
    """What to save and which rules to run, given which operands require gradients.

    A rule is called as `rules[k](g, frame, shape)`, where a frame is `[*saved operands, *saved results, *parameters]`, and all at
    once as `run(g, frame, edges)`.
    """

    __slots__ = ("conjugates", "operator", "rules", "run", "saves", "saves_results")

    def __init__(self, operator: Operator, wanted: list[bool], is_complex: bool) -> None:
        self.operator = operator
        self.conjugates = is_complex
        functions = {position: operator.rule(position) for position, want in enumerate(wanted) if want}
        names = {name for function in functions.values() for name in parameters_of(function)}
        self.saves = tuple(k for k in range(len(wanted)) if operator.name_of(k) in names)
        self.saves_results = not names.isdisjoint(operator.results)
        named = {f"rule{position}": function for position, function in functions.items()}
        places = range(len(wanted))

        def call(k: int, shape: str) -> str:
            return f"rule{k}(g{self._read(functions[k], k, shape)})" if k in functions else "None"

        self.rules = tuple(
            written(f"lambda g, frame, shape: {call(k, 'shape')}", **named) if k in functions else None for k in places
        )
        calls = ", ".join(call(k, f"edges[{k}][0].outputs[edges[{k}][1]][0]") for k in places)
        self.run = written(f"lambda g, frame, edges: [{calls}]", **named)

    def _read(self, function: Callable[..., Any], which: int, shape: str) -> str:
        """The arguments of the rule for the operand at a position, beside the cotangent, each with a comma before it."""
        operands = [self.operator.name_of(position) for position in self.saves]
        read = [*operands, *self.operator.results * self.saves_results, *self.operator.parameters]
        places = {name: f"frame[{place}]" for place, name in reversed([*enumerate(read)])}
        if (rest := self.operator.rest) in operands:
            places[rest] = f"frame[{operands.index(rest)}:{len(operands)}]"
        places |= {"shape": shape, "which": str(which)}
        return "".join(f", {places[name]}" for name in parameters_of(function))


class Operator:
    """A differentiable function. `forward(*operands, *parameters)` works on raw tensors and on numbers.

    `may_copy` marks a view operator that copies where the strides allow no view. In the signature `name=literal` is a default,
    and `*parameter` is one that is given by keyword only.
    """

    __slots__ = (
        "defaults", "forward", "keywords", "may_copy", "name", "operands", "order", "parameters", "plans", "rest", "results", "rules",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        signature: str,
        may_copy: bool = False,
        **rules: Callable[..., Any],
    ) -> None:
        signature, _, results = signature.partition("->")
        operands, parameters = (part.split() for part in f"{signature};".split(";")[:2])
        self.defaults = dict(part.lstrip("*").split("=") for part in [*operands, *parameters] if "=" in part)
        self.operands = [operand.lstrip("*").partition("=")[0] for operand in operands]
        self.parameters = [parameter.lstrip("*").partition("=")[0] for parameter in parameters]
        self.keywords = [parameter.lstrip("*").partition("=")[0] for parameter in parameters if parameter[0] == "*"]
        self.rest = self.operands[-1] if operands[-1].startswith("*") else ""
        self.results = results.split() or ["result"]
        self.name = name
        self.forward = forward
        self.may_copy = may_copy
        self.order: list[str] = []  # of the arguments of the public function, if there is one
        self.rules = rules
        self.plans: dict[int, Plan] = {}
        names = [*self.operands, *self.parameters, *self.results, "shape", "which"]
        OPERANDS.update(self.operands, self.results)
        PARAMETERS.update(self.parameters)
        assert len(set(names)) == len(names), f"{name} uses a name twice"
        assert rules.keys() <= set(self.operands), f"{name} has rules for unknown operands"

    def plan(self, key: int) -> Plan:
        """The plan for a key whose binary digits, after a leading one, say which operands require gradients.

        A negative key is one for a complex result.
        """
        if (plan := self.plans.get(key)) is None:
            plan = Plan(self, [digit == "1" for digit in f"{abs(key):b}"[1:]], key < 0)
            if len(self.plans) < 1000:  # joining many tensors must not fill the memory with plans
                self.plans[key] = plan
        return plan

    def name_of(self, position: int) -> str:
        """The name of an operand; the last name may stand for several."""
        return self.operands[min(position, len(self.operands) - 1) if self.rest else position]

    def rule(self, position: int) -> Callable[..., Any]:
        """The rule for an operand. NotImplementedError if there is none."""
        if (rule := self.rules.get(self.name_of(position))) is None:
            raise NotImplementedError(f"{self.name} has no derivative with respect to its operand {position}")
        return rule


def parameters_of(rule: Callable[..., Any]) -> list[str]:
    """What a rule reads besides the cotangent."""
    return list(inspect.signature(rule).parameters)[1:]


OPERANDS: set[str] = set()
"""The names of all operators' operands, and of what else may be saved."""
PARAMETERS: set[str] = set()
"""The names of all operators' parameters."""
PUBLIC: dict[str, Operator] = {}
"""The operators that are public as they are, by name."""
VIEWS: dict[str, Operator] = {}
"""The same for those that make views."""
FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""All public functions, by name."""


def define(
    name: str,
    signature: str,
    forward: Callable[..., Any] | None = None,
    order: str = "",
    is_view: bool = False,
    **rules: Any,
) -> Operator:
    """A public operator. It computes what torch's function of that name does, unless another is given.

    `order` are the arguments as users write them, where parameters do not come last. The result of a view shares memory.
    """
    operator = Operator(name, forward or (lambda: None), signature, **rules)
    operator.order = order.split() or [*operator.operands, *operator.parameters]
    if forward is None:
        operator.forward = rearranged(operator, getattr(torch, name))
    (VIEWS if is_view else PUBLIC)[name] = operator
    return operator


def rearranged(operator: Operator, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes its arguments in the users' order as one that takes the operands first."""
    arguments = [*operator.operands, *operator.parameters]
    if operator.order == arguments and not operator.keywords:
        return function
    passed = [f"{name}={name}" if name in operator.keywords else name for name in operator.order]
    return written(f"lambda {', '.join(arguments)}: function({', '.join(passed)})", function=function)


def function_of(operator: Operator, call: str, /, *, keywords: Sequence[str] = (), **names: Any) -> Callable[..., Any]:
    """The function that users call, with the arguments as they write them, and more keywords; `call` is its body.

    It is made as text, as dataclasses make `__init__`: so it has a true signature, and costs nothing besides the call.
    """
    written_out = [
        f"{name}={operator.defaults[name]}" if name in operator.defaults else name for name in operator.order
    ]
    by_keyword = [name.partition("=")[0] in operator.keywords for name in written_out]
    arguments = [name for name, keyword in zip(written_out, by_keyword, strict=True) if not keyword]
    if more := [name for name, keyword in zip(written_out, by_keyword, strict=True) if keyword] + [*keywords]:
        arguments += ["*", *more]
    return written(f"lambda {', '.join(arguments)}: {call}", **names)


def torchs_arguments(name: str, function: Any) -> list[list[str]]:
    """The names of the positional arguments of torch's function, in each of its forms."""
    if isinstance(function, FunctionType) and "args" not in (names := inspect.signature(function).parameters):
        return [list(names)]
    forms = [form.arguments for form in torch._C._jit_get_schemas_for_operator(f"aten::{name}")]
    return [["input" if each.name == "self" else each.name for each in form if not each.kwarg_only] for form in forms]


def named_as_in_torch(name: str, function: Function, torchs: Any = None) -> Function:
    """The function, with torch's names for the arguments: what formulas call x and y, users give as `input` and `other`.

    The names are changed in the function's code object, so that a call takes no longer than before.
    """
    if not isinstance(function, FunctionType):
        return function
    code = function.__code__
    own = code.co_varnames[: code.co_argcount]
    forms = torchs_arguments(name, torchs) or [["input" if each == "x" else each for each in own]]
    form = max(forms, key=lambda form: (len({*form} & {*own}), -abs(len(form) - len(own))))
    renamed = {
        mine: theirs
        for mine, theirs in zip(own, form, strict=False)
        if theirs not in code.co_varnames and not any(mine in each for each in forms)
    }
    variables, cells = (
        tuple(renamed.get(each, each) for each in names) for names in (code.co_varnames, code.co_cellvars)
    )
    function.__code__ = code.replace(co_varnames=variables, co_cellvars=cells)
    return function


def written(text: str, /, **names: Any) -> Callable[..., Any]:
    """A function from its text and the names in it."""
    function: Callable[..., Any] = eval(text, {"__name__": __name__, **names})
    return function


def described(path: str, function: Function) -> Function:
    """A public function with the name of torch's; and, if nothing is said of it, with a word where to read about it."""
    function.__name__ = function.__qualname__ = path.rpartition(".")[2]
    function.__doc__ = function.__doc__ or (
        f"torch.{path}, on this engine's tensors. Shapes, dtypes, defaults and errors are torch's, see\n"
        f"https://docs.pytorch.org/docs/stable/generated/torch.{path}.html"
    )
    return function


def compose(**functions: Callable[..., Any]) -> None:
    """Public functions that are made of others, and so need no rules."""
    FUNCTIONS.update(functions)


def public(function: Function) -> Function:
    """Mark a function that users call."""
    FUNCTIONS[function.__name__] = function
    return function
