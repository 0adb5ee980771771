"""What is timed: every workload and size, on the floor and on each engine, one right after the other.

Before it is timed, an engine's gradients are compared with the floor's: a wrong answer in no time is worth nothing.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autograd_conformance.engine import Engine
from native import Unsupported, run_of
from ratios import FLOOR
from workloads import WORKLOADS, Workload

SECONDS = 0.3
"""What the rounds of one figure take in all, about."""
LONG = 2.0
"""What takes so many seconds is timed once."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cells = [(workload, size) for workload in WORKLOADS for size in workload.sizes]
    metafunc.parametrize("workload, size", cells, ids=[f"{workload.name}-{size}" for workload, size in cells])
    metafunc.parametrize("position", [FLOOR, *positions(metafunc.config)], ids=str)


def positions(config: pytest.Config) -> list[int]:
    """Of the engine of `--impl`, and of the one that it is held against, if there is one."""
    return [0, 1] if config.getoption("impl_not_slower_than") else [0]


def engine_at(engines: dict[str, Engine], position: int) -> Engine:
    """The engine at a position; there is no second where an engine is held against itself."""
    if position >= len(engines):
        pytest.skip("the engine is the one that it is held against")
    return list(engines.values())[position]


def arrays_of(workload: Workload, size: int) -> list[Any]:
    """Small numbers that stay small along any chain, and in products of matrices."""
    numbers = np.random.default_rng(0)
    return [
        (numbers.uniform(0.1, 0.9, shape) / (shape[0] if len(shape) == 2 else 1)).astype(np.float32)
        for shape in workload.shapes(size)
    ]


def test_workload(
    benchmark: Any, engines: dict[str, Engine], library: Any, workload: Workload, size: int, position: Any
) -> None:
    arrays = arrays_of(workload, size)
    own = [each if library is np else library.from_numpy(each) for each in arrays]
    if position == FLOOR:
        run: Callable[[], Any] = lambda: workload.floor(library, size, *own)
        name = FLOOR
    else:
        engine = engine_at(engines, position)
        name = engine.name
        if engine.max_nodes is not None and workload.unit == "nodes" and size > engine.max_nodes:
            pytest.skip(f"{name} has graphs of {engine.max_nodes} nodes at most")
        try:
            run = run_of(workload, engine, size, arrays)
        except Unsupported as reason:
            pytest.skip(str(reason))
        compare(engine, run(), workload.floor(library, size, *own)[1])
    benchmark.extra_info.update(workload=workload.name, size=size, unit=workload.unit, engine=name)
    timed(benchmark, run)


def compare(engine: Engine, gradients: Sequence[Any], expected: Sequence[Any]) -> None:
    """Float32 gradients of the same sums in another order."""
    wanted = [each for each in expected if each is not None]
    got = [each for each in gradients if each is not None][-len(wanted) :]
    assert len(got) == len(wanted)
    for gradient, floor in zip(got, wanted, strict=True):
        np.testing.assert_allclose(engine.array(gradient), np.asarray(floor), rtol=2e-3, atol=1e-3)


def timed(benchmark: Any, run: Callable[[], Any]) -> None:
    """The shortest of several rounds, each of so many runs that a clock can tell; without the garbage collector."""
    start = time.perf_counter()
    run()
    once = max(time.perf_counter() - start, 1e-7)
    gc.collect()
    gc.disable()
    try:
        iterations = max(1, int(SECONDS / 30 / once))
        rounds = int(SECONDS / (once * iterations))
        benchmark.pedantic(run, rounds=max(3 if once < LONG else 1, min(30, rounds)), iterations=iterations)
    finally:
        gc.enable()
