"""Where clauses are judged: a worker's process or, with `-n 0`, the only one."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from types import FunctionType
from typing import Any

import pytest

from autograd_conformance.checks.check import broken_before_a_run
from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import show
from autograd_conformance.judging import cases
from autograd_conformance.judging.runner import Settings, judge
from autograd_conformance.judging.trial import CONTROL
from autograd_conformance.judging.world import World, spoiled_by
from autograd_conformance.results import Counterexample, Result
from autograd_conformance.running.collecting import JUDGE, REPLAY, ClauseItem, usage_errors_reach_the_controller
from autograd_conformance.running.loading import load_engine
from autograd_conformance.running.sitting import EngineFacts, Sitting, expectations_for
from autograd_conformance.running.watch import Watch


class Judging:
    """The plugin of a process in which clauses run."""

    def __init__(self, config: pytest.Config, seed: int, watch: Watch | None, announce: Callable[[Sitting], None]):
        self._config, self._seed, self._watch, self._announce = config, seed, watch, announce
        self._existing: list[str] = []
        self._deselected = 0

    # ---- before the first clause ----
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        option = self._config.getoption
        with usage_errors_reach_the_controller(self._config), self._watch.importing() if self._watch else nullcontext():
            self._engine = load_engine(option("impl"), option("impl_device"))
            _refuse_broken(self._engine)
        self._config.stash[JUDGE], self._config.stash[REPLAY] = self._judge, self._replay

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> object:
        collected = {item.clause.id for item in items if isinstance(item, ClauseItem)}
        self._existing = sorted(collected | _ids_of_the_spec())
        with usage_errors_reach_the_controller(self._config):
            self._expectations = expectations_for(self._config, self._engine.name, self._existing)
        return (yield)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected += sum(isinstance(item, ClauseItem) for item in items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        chosen = [item for item in session.items if isinstance(item, ClauseItem)]
        blanks = {item.nodeid: Result.of(item.clause, "crash") for item in chosen}
        modules = {item.clause.id: (item.module_name, str(item.path)) for item in chosen}
        facts = EngineFacts.of(self._engine)
        self._announce(Sitting(facts, blanks, self._existing, self._deselected, modules, sys.path))

    # ---- each clause ----
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Nothing more is judged in a spoiled process: a worker makes room for a fresh one, any other run ends here."""
        spoiler = spoiled_by()
        if spoiler is None or not isinstance(item, ClauseItem):
            return
        if self._watch is None:
            raise item.session.Interrupted(f"nothing more can be judged in this process: {spoiler}; leave out -n 0")
        self._watch.spoiled()
        os._exit(0)  # at once: all reports are sent, and what this process would still do says nothing

    def _judge(self, clause: Clause) -> Result:
        if self._watch is None:
            return judge(clause, self._engine, self._settings(clause))
        with self._watch.clause(clause.id) as before_example:
            try:
                return judge(clause, self._engine, self._settings(clause), before_example)
            except CONTROL as error:  # the user speaks to the controller, so nobody but the engine can have meant this
                return _raised_at_us(clause, self._watch.case or {}, error)

    def _replay(self, clause: Clause, result: Result) -> None:
        if result.counterexample is None:
            return
        with World(self._engine, clause.id) as world:
            world.enter()
            try:
                clause.function(self._engine, **cases.decode(result.counterexample.case))
                world.check()
            finally:
                world.leave()

    def _settings(self, clause: Clause) -> Settings:
        option = self._config.getoption
        return Settings(
            profile=option("impl_profile"),
            seed=self._seed,
            corpus=option("impl_corpus"),
            expectation=self._expectations.get(clause.id),
            exhaustive=option("impl_expect_write") is not None,
            isolated=self._watch is not None,
        )


def _raised_at_us(clause: Clause, case: dict[str, Any], error: BaseException) -> Result:
    text = cases.describe(cases.decode(case))
    what = "raises nothing, least of all what is meant for those who run the suite"
    example = Counterexample(case, "raised", what, "no exception", show(error), text)
    return Result.of(clause, "fail", f"raised {show(error)}", counterexample=example)


def _refuse_broken(engine: Engine) -> None:
    found = [f"  {outcome.subject}: {outcome.advice}" for outcome in broken_before_a_run(engine)]
    if found:
        head = (
            f"the adapter of {engine.name} is broken, and a run would judge it and not the engine (see --impl-check):"
        )
        raise pytest.UsageError("\n".join([head, *found]))


def _ids_of_the_spec() -> set[str]:
    """Also those of modules that this run does not collect: an expectation for them is not stale."""
    try:
        spec = importlib.import_module("autograd_spec")
    except ModuleNotFoundError:
        return set()  # somebody judges clauses of their own
    names = [found.name for found in pkgutil.iter_modules(spec.__path__) if found.name.startswith("test_")]
    modules = [importlib.import_module(f"autograd_spec.{name}") for name in names]
    functions = [each for module in modules for each in vars(module).values() if isinstance(each, FunctionType)]
    clauses = [vars(each).get("clause") for each in functions]
    return {each.id for each in clauses if isinstance(each, Clause)}
