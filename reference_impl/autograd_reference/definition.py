"""What an operator is: a function on raw torch tensors, and one short derivative rule for each operand.

    MUL = Operator("mul", operator.mul, "x y", x=lambda g, y: g * y, y=lambda g, x: g * x)

A rule takes the cotangent `g` of the result and gives the cotangent of one operand. The names of its further parameters
say what it needs, and so what recording must save:

    an operand's name     its value; `*rest` in the signature collects the remaining operands, for rules as a list
    a parameter's name    names after ";" in the signature are not differentiable: axes, sizes, ...
    result                the value of the result
    shape                 the shape of the operand the rule is for
    which                 the position of that operand among the operands

A rule that gives a cotangent broader than the operand is completed by summing over what was broadcast, and one of
another dtype by casting: the backward walk does both, in one place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

Place = int | slice


class Plan:
    """What to save and which rules to run, given which operands require gradients.

    A rule reads its values from a frame: `[*saved operands, (result), *parameters, shape, which]`.
    """

    __slots__ = ("operator", "rules", "saves", "saves_result")

    def __init__(self, operator: Operator, wanted: list[bool]) -> None:
        self.operator = operator
        functions = [operator.rule(position) if want else None for position, want in enumerate(wanted)]
        names = {name for function in functions if function is not None for name in parameters_of(function)}
        self.saves = tuple(k for k in range(len(wanted)) if operator.name_of(k) in names)
        self.saves_result = "result" in names
        places = self._places()
        # For each operand that requires gradients: its rule, and the places of what the rule reads.
        self.rules = tuple(
            None if function is None else (function, tuple(places[name] for name in parameters_of(function)))
            for function in functions
        )

    def _places(self) -> dict[str, Place]:
        operands = [self.operator.name_of(position) for position in self.saves]
        places: dict[str, Place] = {name: operands.index(name) for name in operands}
        if self.operator.rest in places:
            places[self.operator.rest] = slice(operands.index(self.operator.rest), len(operands))
        others = [*["result"] * self.saves_result, *self.operator.parameters, "shape", "which"]
        return places | {name: len(operands) + k for k, name in enumerate(others)}


class Operator:
    """A differentiable function. `forward(*operands, *parameters)` works on raw tensors and on numbers.

    `may_copy` marks a view operator that copies where the strides allow no view.
    """

    __slots__ = ("forward", "may_copy", "name", "operands", "parameters", "plans", "rest", "rules")

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        signature: str,
        may_copy: bool = False,
        **rules: Callable[..., Any],
    ) -> None:
        operands, self.parameters = (part.split() for part in f"{signature};".split(";")[:2])
        self.operands = [operand.lstrip("*") for operand in operands]
        self.rest = self.operands[-1] if operands[-1].startswith("*") else ""
        self.name = name
        self.forward = forward
        self.may_copy = may_copy
        self.rules = rules
        self.plans: dict[int, Plan] = {}
        names = [*self.operands, *self.parameters, "result", "shape", "which"]
        assert len(set(names)) == len(names), f"{name} uses a name twice"
        assert rules.keys() <= set(self.operands), f"{name} has rules for unknown operands"

    def plan(self, key: int) -> Plan:
        """The plan for a key whose binary digits, after a leading one, say which operands require gradients."""
        if (plan := self.plans.get(key)) is None:
            plan = Plan(self, [digit == "1" for digit in f"{key:b}"[1:]])
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
