"""What is timed besides: a product of Hessian and vector, freeing a graph; and how much memory a pass takes at its peak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import floors
from autograd_conformance.engine import TAPE, Engine
from memory import can_be_measured, peak_of
from native import Unsupported, forward_of, hessian_vector_product, run_of
from ratios import FLOOR
from test_workloads import arrays_of, engine_at, positions, timed
from workloads import WORKLOADS, perceptron

CHAIN = WORKLOADS[1]
# Every activation takes 64 MiB: such a piece of memory goes back to the system at once, and the peak can be seen.
HUGE = replace(WORKLOADS[-1], shapes=lambda width: perceptron(2**24 // width, width))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("size", metafunc.module.SIZES[metafunc.function.__name__])
    floor = [FLOOR] if metafunc.function is not test_peak_memory else []
    metafunc.parametrize("position", [*floor, *positions(metafunc.config)], ids=str)


SIZES = {
    "test_hessian_vector_product": (1, 1_000, 100_000),
    "test_freeing": (100, 10_000, 1_000_000),
    "test_peak_memory": (256,),
}


@pytest.mark.filterwarnings("ignore:Using backward:UserWarning")  # the gradients are cleared, so no cycle is left
def test_hessian_vector_product(
    benchmark: Any, engines: dict[str, Engine], library: Any, size: int, position: Any
) -> None:
    arrays = [np.random.default_rng(k).uniform(0.1, 0.9, size).astype(np.float32) for k in range(3)]
    own = [each if library is np else library.from_numpy(each) for each in arrays]
    run: Callable[[], Any] = lambda: floors.hessian_vector_product(library, *own)
    expected, name = np.asarray(run()), FLOOR
    if position != FLOOR:
        engine = engine_at(engines, position)
        try:
            run, name = hessian_vector_product(engine, arrays), engine.name
        except Unsupported as reason:
            pytest.skip(str(reason))
        np.testing.assert_allclose(engine.array(run()[0]), expected, rtol=1e-5)
    benchmark.extra_info.update(workload="Hessian-vector product", size=size, unit="elements", engine=name)
    timed(benchmark, run)


def test_freeing(benchmark: Any, engines: dict[str, Engine], library: Any, size: int, position: Any) -> None:
    """The graph of a chain, through which nothing was passed; the floor frees as many arrays."""
    arrays = arrays_of(CHAIN, size)
    held: list[Any] = []
    if position == FLOOR:
        make: Callable[[], Any] = lambda: [library.ones(4) for _ in range(size)]
        name = FLOOR
    else:
        engine = engine_at(engines, position)
        name = engine.name
        if not engine.has(TAPE) or (engine.max_nodes or size) < size:
            pytest.skip(f"{name} has no graph to free, or not such a long one")
        operands = [engine.tensor(array, requires_grad=True) for array in arrays]
        forward = forward_of(CHAIN, engine, size)
        make = lambda: forward(*operands)
    benchmark.extra_info.update(workload="freeing", size=size, unit="nodes", engine=name)
    rounds = 2 if size > 100_000 else 10
    benchmark.pedantic(held.clear, setup=lambda: held.append(make()), rounds=rounds, iterations=1)


@pytest.mark.skipif(not can_be_measured(), reason="the peak of a process's memory can be reset on Linux only")
def test_peak_memory(benchmark: Any, engines: dict[str, Engine], size: int, position: Any) -> None:
    """Of one pass through a perceptron of a large batch, in bytes, beside its time."""
    engine = engine_at(engines, position)
    try:
        run = run_of(HUGE, engine, size, arrays_of(HUGE, size))
    except Unsupported as reason:
        pytest.skip(str(reason))
    run()
    benchmark.extra_info.update(workload="peak memory", size=size, unit="width", engine=engine.name, bytes=peak_of(run))
    benchmark.pedantic(run, rounds=2)
