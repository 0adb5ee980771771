"""`pytest benchmarks --impl=ENGINE`: which engines are timed, and the gate on ratios."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from autograd_conformance.engine import Engine
from autograd_conformance.running.loading import load_engine
from ratios import Limit, over, peaks_of, ratios_of


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("autograd conformance")
    group.addoption(
        "--impl-not-slower-than",
        metavar="ENGINE:RATIO",
        type=Limit.parse,
        help="time ENGINE in the same run as well, and fail if the geometric mean of the ratios of times over all "
        "workloads and sizes is above RATIO",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Engines are timed here and not judged: the plugin is not to see `--impl`."""
    config.stash[IMPL], config.option.impl = config.getoption("impl"), None
    if config.stash[IMPL] is None and not (config.getoption("help") or config.getoption("collectonly")):
        raise pytest.UsageError("benchmarks: add --impl=ENGINE, such as --impl=reference")


IMPL = pytest.StashKey[str | None]()
SKIPPED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def engines(pytestconfig: pytest.Config) -> dict[str, Engine]:
    """The engine of `--impl` and the one that it is held against, by name."""
    limit = pytestconfig.getoption("impl_not_slower_than")
    impls = dict.fromkeys([pytestconfig.stash[IMPL] or "", *([limit.engine] if limit else [])])
    loaded = [load_engine(impl, pytestconfig.getoption("impl_device")) for impl in impls]
    return {engine.name: engine for engine in loaded}


@pytest.fixture(scope="session")
def library(engines: dict[str, Engine]) -> Any:
    """What the floor computes with: torch if an engine's memory is torch's, else NumPy."""
    name = "torch" if {"torch", "reference"} & set(engines) and importlib.util.find_spec("torch") else "numpy"
    return importlib.import_module(name)


def pytest_sessionfinish(session: pytest.Session) -> None:
    limit = session.config.getoption("impl_not_slower_than")
    if limit and session.exitstatus == 0 and over(ratios_of(figures(session.config)), limit):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    timed = figures(config)
    ratios = ratios_of(timed)
    limit = config.getoption("impl_not_slower_than")
    if not timed:
        return
    terminalreporter.section("ratios of times: to the floor" + (f", to {limit.engine}" if limit else ""))
    for each in ratios:
        terminalreporter.line(each.line(limit))
    for engine, peak in peaks_of(timed).items():
        terminalreporter.line(f"peak of memory: {engine:10} {peak / 2**20:,.0f} MiB")
    if limit:
        terminalreporter.line(limit.verdict(ratios))


def figures(config: pytest.Config) -> list[dict[str, Any]]:
    """What was timed in this run."""
    timed = getattr(getattr(config, "_benchmarksession", None), "benchmarks", [])
    return [{"min": each.stats.min, **each.extra_info} for each in timed if each.stats.rounds]
