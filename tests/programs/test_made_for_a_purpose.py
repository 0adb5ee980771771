"""Programs made for one purpose each: they are that, on every kind of engine, and equal what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.engine import NO_GRAD, Engine, Tensor
from autograd_conformance.judge import Unsupported
from autograd_conformance.judging.generation import generate
from autograd_conformance.programs.aimed import overwriting
from autograd_conformance.programs.aiming import Aim
from autograd_conformance.programs.broadcasting import batches, broadcast_writes, pairs
from autograd_conformance.programs.joining import joins
from autograd_conformance.programs.layouts import EXPANDED, LAYOUTS, constant_along_first, dressed_programs, laid_out
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.parts import InParts, parts
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.scenes import copies, scenes
from autograd_conformance.programs.viewing import chains

STRATEGIES: dict[str, Callable[[Engine], st.SearchStrategy[Program]]] = {
    "chains": chains(least=2, most=5),
    "forks": chains(least=2, most=5, forks=True),
    "sums": chains(most=3, kinds=("sum",)),
    "dressed": dressed_programs,
    "writes": scenes(most=4),
    "writes to views": scenes(targets="views"),
    "writes to constants": scenes(targets="views", constant=True),
    "detached": scenes(detached=True),
    "overlapping": scenes(overlapping=True),
    "copies": copies,
    "parts": parts(writes=False),
    "written parts": parts(writes=True),
    "pairs": pairs(),
    "shared": pairs(shared=True),
    "batches": batches,
    "broadcast writes": broadcast_writes,
    "joins": joins,
    "overwriting": overwriting(Aim(most=2)),
}


class OneRoot(Reference):
    several_roots = False
    accepts_cotangent = False


class Pool(Reference):
    shapes: ClassVar[Any] = ((2,), (2, 2))


class Flat(Reference):
    max_ndim = 1


class Few(Reference):
    operators: ClassVar[Any] = {name: Reference.operators[name] for name in ("multiply", "sum", "slice", "copy_")}


class AlwaysRecording(Reference):
    no_grad = Engine.no_grad


def drawn(strategy: st.SearchStrategy[Program], count: int = 60) -> list[Program]:
    found: list[Program] = []
    generate({"program": strategy}, 0, count, lambda case: found.append(case["program"]))
    return found


@pytest.mark.parametrize("engine", [Reference, OneRoot, Pool, Flat, Few, AlwaysRecording])
@pytest.mark.parametrize("name", STRATEGIES)
def test_programs_keep_to_the_engine(name: str, engine: type[Engine]) -> None:
    try:
        strategy = STRATEGIES[name](engine())
    except Unsupported:
        assert engine in (Flat, Few)
        return
    for program in drawn(strategy):
        tensors = Oracle(engine.aliasing).run(program)
        assert {step.operator for step in program.steps} <= {*engine.operators, "detach", *made_for_the_oracle(name)}
        assert all(dual.value.ndim <= engine.max_ndim for dual in tensors)
        assert engine.accepts_cotangent or all(tensors[root].value.size == 1 for root in program.roots)
        assert engine.several_roots or len(program.roots) <= 1
        assert engine.has(NO_GRAD) or all(step.recorded for step in program.steps)


def made_for_the_oracle(name: str) -> set[str]:
    """Of operands that overlap their target the oracle is given a copy, and the engine is not."""
    return {"clone"} if name == "overlapping" else set()


def test_written_bases_require_gradients_unless_they_are_to_be_constants() -> None:
    for name in ("writes", "writes to views"):
        for program in drawn(STRATEGIES[name](Reference())):
            tensors = Oracle(Reference.aliasing).run(program)
            assert all(tensors[step.operands[0]].history.requires for step in program.steps if step.writes)
    programs = drawn(STRATEGIES["writes to constants"](Reference()))
    assert all(any(not each.requires_grad for each in program.inputs) for program in programs)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2), (2, 1, 3)])
def test_layouts_keep_the_values(layout: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape) + 1
    array = constant_along_first(array) if layout == EXPANDED else array
    engine = Reference()
    made = laid_out(engine, array, layout)
    np.testing.assert_array_equal(engine.array(made), array, strict=True)
    if layout != "row-major" and array.ndim == 2 and array.size:
        assert (engine.strides(made), engine.offset(made)) != ((array.shape[1], 1), 0)


def test_entries_and_slices_are_taken_out_of_unbind_and_split() -> None:
    calls: list[str] = []

    class Counting(Reference):
        def apply(self, operator: str, *tensors: Tensor, **params: Any) -> Tensor:
            calls.append(operator)
            return super().apply(operator, *tensors, **params)

    engine = Counting()
    for program in drawn(parts(writes=False)(engine)):
        tensors = program.execute(engine, program.leaves(engine), InParts(engine, program))
        for tensor, dual in zip(tensors, Oracle(engine.aliasing).tensors(program), strict=True):
            np.testing.assert_array_equal(engine.array(tensor), dual.value.astype(program.dtype), strict=True)
    assert {"unbind", "split"} <= set(calls) and "select" not in calls
