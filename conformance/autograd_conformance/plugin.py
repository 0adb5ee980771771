"""The pytest plugin: options, the collection of clauses, and where everything else begins.

It is loaded by every pytest in an environment where the suite is installed.  So it imports nothing but pytest until
`--impl` is given or a module with clauses is collected, and it does nothing to items that are no clauses.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from autograd_conformance.running.options import add_options

if TYPE_CHECKING:
    from autograd_conformance.running.collecting import ClauseItem


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """`--impl-check` takes the place of a run."""
    if not config.getoption("impl_check"):
        return None
    from autograd_conformance.running.starting import check_adapter

    return check_adapter(config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("impl") is None or config.getoption("help"):
        return
    from autograd_conformance.running.starting import start

    start(config)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> ClauseItem | None:
    """A function that carries a clause becomes an item of our own: it has no fixtures, and no name it must have."""
    clause = _clause_of(obj)
    if clause is None:
        return None
    from autograd_conformance.running.collecting import ClauseItem

    item: ClauseItem = ClauseItem.from_parent(collector, name=clause.id, clause=clause)
    return item


def _clause_of(obj: object) -> Any:
    """The clause of a function; of nothing else is an attribute even asked for, its owner may mind."""
    clauses = sys.modules.get("autograd_conformance.clauses")
    if clauses is None or not isinstance(obj, FunctionType):
        return None
    found = vars(obj).get("clause")
    return found if isinstance(found, clauses.Clause) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "autograd_conformance.running.collecting" not in sys.modules:
        return
    from autograd_conformance.running.collecting import select

    select(config, items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report: pytest.TestReport = yield
    if "autograd_conformance.running.collecting" in sys.modules:
        from autograd_conformance.running.collecting import attach_result

        attach_result(item, report)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> Any:
    if "autograd_conformance.running.collecting" not in sys.modules:
        return None
    from autograd_conformance.running.collecting import status_of

    return status_of(report)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker that refused to run says so here: the run ends with its message."""
    message = getattr(node, "workeroutput", {}).get("autograd_conformance_usage_error")
    if message is not None:
        raise pytest.UsageError(message)
