"""A recorded run as lines of Python, in the engine's own language."""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_conformance.engine import Engine
from autograd_conformance.scripts.borrowed import Borrowed, free_names
from autograd_conformance.scripts.helpers import Helpers
from autograd_conformance.scripts.inlining import inlined
from autograd_conformance.scripts.literals import Unprintable, literal
from autograd_conformance.scripts.naming import Names, calls, first_run, slots, uses
from autograd_conformance.scripts.recording import Block, Call, RecordedFunction, Slot, Step, Tried
from autograd_conformance.scripts.rolling import Loop, Roller
from autograd_conformance.scripts.spelled import Spelled, operator_spelling, verb_spelling

WIDTH = 100
HOLDS = "holds"
SAY_HOLDS = f'print("{HOLDS}")'
LEAVE = "raise SystemExit"
Lines = list[str]


@dataclass(frozen=True)
class Manner:
    """How a run is printed where there is a choice."""

    stretch: int = 1
    """Loops take so many times as many turns as they took."""
    lifetimes: bool = False
    """What the clause held has a name, deleted when the clause let go, also where nothing uses it."""


class Printer:
    """Prints the steps of one recorded run.

    `used_later` are slots that the lines after the steps speak of; `uncaught` the errors that end the run.  What a function
    would have done after such an error nobody knows: on an engine that does not raise it the script says the lines of
    `farewell` there, and ends well.
    """

    def __init__(
        self,
        engine: Engine,
        steps: list[Step],
        used_later: Iterable[Slot],
        uncaught: Iterable[object],
        manner: Manner = Manner(),
        farewell: Callable[[], Lines] = list,
    ) -> None:
        self._engine, self._adapter, self._steps = engine, type(engine), steps
        self._borrowed = Borrowed(self._adapter)
        self._helpers = Helpers(engine, self._borrowed)
        taken = self._borrowed.globals()
        self.numpy = next(name for name in ("np", "numpy", "numpy_") if all(v is np for v in taken.get(name, ())))
        self.names = Names(steps, {*taken, *vars(builtins), "got", "expected"})
        self._stretch = manner.stretch
        self._farewell = farewell
        self.has_said_farewell = False
        self._uses = uses(steps)
        self._uses.update(used_later)
        self._uncaught = [id(error) for error in uncaught]
        self._functions: dict[int, str] = {}
        self._blocks: dict[Call, str] = {}
        self._times = Counter(calls(steps))
        self._shows_deaths = manner.lifetimes or any(call.name == "weak_reference" for call in calls(steps))
        self._bound: list[Slot] = []
        """What the lines so far hold by a name; where deaths are shown, each name is deleted when the clause let go."""
        self._definitions = 0

    def lines(self) -> Lines:
        """The lines of all steps."""
        return self._body(self._steps, None)

    def prelude(self) -> tuple[Lines, Lines]:
        """Imports and the like, and helpers, that the lines printed so far need."""
        return self._borrowed.lines(), self._helpers.lines()

    def expression(self, call: Call) -> ast.expr:
        """A call as one expression."""
        made = self._spelled(call)
        if not isinstance(made, ast.expr):
            raise Unprintable(f"{call.name}: expected an expression as its spelling, got a statement")
        return made

    def value(self, value: Any) -> ast.expr:
        """The expression for what a clause passes to the engine."""
        if isinstance(value, Slot):
            return ast.Name(self.names.of(value), ast.Load())
        if isinstance(value, RecordedFunction):
            return ast.Name(self._functions[id(value)], ast.Load())
        if isinstance(value, list):
            return ast.List([self.value(one) for one in value], ast.Load())
        if isinstance(value, tuple):
            return ast.Tuple([self.value(one) for one in value], ast.Load())
        return literal(value, self.numpy)

    # ---- steps ----
    def _body(self, steps: list[Step], leaving: BaseException | None) -> Lines:
        """The lines of steps that are left by the exception `leaving`, or by none."""
        lines: Lines = []
        for step in Roller(steps, set(self._uses - uses(steps))).rolled():
            lines += self._deletions(step.steps[0].moment if isinstance(step, Loop) else step.moment)
            lines += self._loop(step) if isinstance(step, Loop) else self._step(step, leaving)
        raised = bool(steps) and steps[-1].error is leaving
        if leaving is not None and not raised and id(leaving) not in self._uncaught:
            lines.append(f"raise {_plain_type(leaving)}('leave by an exception')")
        return lines

    def _deletions(self, moment: int) -> Lines:
        """What was let go of before `moment`; names in a function end with it."""
        gone = [slot for slot in self._bound if slot.died is not None and slot.died < moment]
        if self._definitions or not gone:
            return []
        self._bound = [slot for slot in self._bound if slot not in gone]
        return [f"del {', '.join(map(self.names.of, gone))}"]

    def _loop(self, loop: Loop) -> Lines:
        for slot, other in loop.same:
            self.names.same(slot, other)
        bound = list(self._bound)
        lines = [line for step in loop.steps for line in self._step(step, None)]
        self._bound = bound  # the turns share their names
        return [f"for _ in range({loop.times * self._stretch}):", *_indented(lines)]

    def _step(self, step: Step, leaving: BaseException | None) -> Lines:
        lines = self._block(step) if isinstance(step, Block) else self._call(step)
        if step.error is None or step.error is leaving or id(step.error) in self._uncaught:
            return lines
        return [f"with contextlib.suppress({_plain_type(step.error)}):", *_indented(lines)]

    def _block(self, block: Block) -> Lines:
        if isinstance(block, Tried):
            return self._tried(block)
        entered = ast.unparse(self._entered(block.call))
        body = self._body(block.body, block.error)
        return [f"with {entered}:", *_indented(body or ["pass"])]

    def _entered(self, call: Call) -> ast.expr:
        """What a block enters: one that is entered several times has a name."""
        if call in self._blocks:
            return ast.Name(self._blocks[call], ast.Load())
        made = self.expression(call)
        if self._times[call] == 1:
            return made
        self._blocks[call] = self.names.fresh("block")
        return ast.NamedExpr(ast.Name(self._blocks[call], ast.Store()), made)

    def _tried(self, tried: Tried) -> Lines:
        """The engine must raise somewhere in it; then the script ends well, and else with an error of its own."""
        self.has_said_farewell = True
        refused = ["except Exception:", *_indented([*self._farewell(), LEAVE])]
        accepted = f"raise AssertionError({'accepted; expected a refusal: ' + tried.what!r})"
        return ["try:", *_indented(self._body(tried.body, None)), *refused, accepted]

    def _call(self, call: Call) -> Lines:
        lines = [line for value in call.arguments if isinstance(value, RecordedFunction) for line in self._def(value)]
        made = self._spelled(call)
        if not isinstance(made, ast.expr):
            return lines + [ast.unparse(statement) for statement in made]
        target = self._target(call.result)
        text = ast.unparse(made)
        return lines + wrapped(text if target == "_" else f"{target} = {text}")

    def _target(self, result: Any) -> str:
        """The names that a result is bound to; `_` where nobody uses it."""
        if isinstance(result, Slot):
            held = self._shows_deaths and result.is_held
            if held and not self._definitions:
                self._bound.append(result)
            return self.names.of(result) if held or self._uses[result] else "_"
        if isinstance(result, tuple | list) and any(self._uses[slot] for slot in slots(result)):
            return f"({', '.join(map(self._target, result))}{',' if len(result) == 1 else ''})"
        return "_"

    def _def(self, function: RecordedFunction) -> Lines:
        run = first_run(function)
        name = self._functions[id(function)] = self.names.fresh("f")
        parameters = ", ".join(self.names.of(slot) for slot in run.parameters)
        self._definitions += 1
        body = self._body(run.body, run.error)
        self._definitions -= 1
        if run.error is None and run.returns is not None:
            body.append(f"return {ast.unparse(self.value(run.returns))}")
        if run.error is not None and id(run.error) in self._uncaught:
            body += [] if _is_tried(run.body) else [*self._farewell(), LEAVE]
            self.has_said_farewell = True
        inside = uses(run.body) + Counter(slots(run.returns))
        made = [slot for call in calls(run.body) for slot in slots(call.result)]
        leaked = [self.names.of(slot) for slot in made if self._uses[slot] > inside[slot]]
        if leaked:
            body.insert(0, f"global {', '.join(leaked)}")
        return [f"def {name}({parameters}):", *_indented(body or ["pass"])]

    # ---- spellings ----
    def _spelled(self, call: Call) -> list[ast.stmt] | ast.expr:
        if call.kind == "function":
            return ast.Call(self.value(call.name), [self.value(one) for one in call.arguments], [])
        find = verb_spelling if call.kind == "verb" else operator_spelling
        spelled = find(self._adapter, call.name)
        return self._called(spelled, call) if spelled.text is None else self._inlined(spelled, spelled.text, call)

    def _called(self, spelled: Spelled, call: Call) -> ast.expr:
        keywords = [ast.keyword(name, self.value(value)) for name, value in call.keywords.items()]
        return ast.Call(self._helpers.called(spelled), [self.value(one) for one in call.arguments], keywords)

    def _inlined(self, spelled: Spelled, text: str, call: Call) -> list[ast.stmt] | ast.expr:
        bound = spelled.bound(call.arguments, call.keywords)
        arguments = {name: self.value(value) for name, value in bound.items()}
        arguments["device"] = ast.Constant(self._engine.device)
        self._borrowed.need(spelled.function.__module__, free_names(ast.parse(text)) - set(arguments))
        return inlined(text, arguments)


def _indented(lines: Lines) -> Lines:
    return [textwrap.indent(line, "    ") for line in lines]


def _is_tried(body: list[Step]) -> bool:
    """Whether it ends with what had to be refused, and so with an error of the script's own."""
    return isinstance(body[-1], Tried) or (isinstance(body[-1], Block) and _is_tried(body[-1].body)) if body else False


def _plain_type(error: BaseException) -> str:
    """The nearest exception type that needs no import."""
    return next(str(kind.__name__) for kind in type(error).__mro__ if vars(builtins).get(kind.__name__) is kind)


def wrapped(line: str) -> Lines:
    """A long line on several, where breaking it at its spaces leaves it what it is."""
    wrapped = "\n".join(textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False))
    try:
        same = ast.dump(ast.parse(wrapped)) == ast.dump(ast.parse(line))
    except SyntaxError:
        same = False
    return [wrapped if same else line]
