"""The same seed gives the same cases and the same verdict, whatever else the process has seen."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from made import NEGATES_OR_SUBTRACTS_TWICE, Wide, made
from sortedcontainers import SortedSet
from tiny_tape import TinyTape

from autograd_conformance.judging.runner import Settings, judge
from autograd_conformance.programs.generate import programs

WIDE_RANGE = st.integers(0, 2**63)


def drawn(seed: int, id: str = "made.up", profile: str = "default") -> list[str]:
    """What a clause that holds is given."""
    seen: list[str] = []

    def function(engine: Any, n: int, f: float, text: str, program: Any) -> None:
        seen.append(repr((n, f, text, program)))

    clause = made(function, id, n=WIDE_RANGE, f=st.floats(allow_nan=False), text=st.text(), program=programs())
    assert judge(clause, Wide(), Settings(profile=profile, seed=seed)).verdict == "pass"
    return seen


def test_the_seed_the_profile_and_the_id_decide_what_is_drawn() -> None:
    assert drawn(1) == drawn(1)
    others = [drawn(2), drawn(1, id="made.other"), drawn(1, profile="smoke")]
    assert all(set(drawn(1)[1:]).isdisjoint(other[1:]) for other in others), "the first case is always the simplest"


def test_what_ran_before_does_not_matter() -> None:
    before = drawn(1)
    random.random(), np.random.random()
    judge(NEGATES_OR_SUBTRACTS_TWICE, Wide())

    @settings(max_examples=20, database=None)
    @given(st.integers(), st.floats(), st.text())
    def other(n: int, f: float, text: str) -> None: ...

    other()
    assert drawn(1) == before


def test_loaded_modules_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis likes to draw the constants of local modules, and looks for them whenever one is loaded."""
    before = drawn(1)
    constants = Constants(integers=SortedSet([2**62 + 5]), strings=SortedSet(["a local constant"]))
    monkeypatch.setattr(providers, "_get_local_constants", lambda: constants)
    providers.CONSTANTS_CACHE.cache.clear()
    assert drawn(1) == before
    providers.CONSTANTS_CACHE.cache.clear()


def test_the_hash_seed_and_the_process_do_not_matter() -> None:
    code = (
        "import sys; sys.path[:0] = ['tests/judging', 'conformance']\n"
        "import test_determinism as t; print(repr(t.drawn(1)))"
    )
    root = Path(__file__).parents[2]
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1] == repr(drawn(1)) + "\n"


def test_verdict_and_counterexamples_are_the_same_twice() -> None:
    first, second = (judge(NEGATES_OR_SUBTRACTS_TWICE, Wide(), Settings(exhaustive=True)) for _ in range(2))
    first.seconds = second.seconds
    assert first == second


def test_a_settings_profile_of_the_user_does_not_matter() -> None:
    before = drawn(1)
    original = settings.get_current_profile_name()
    settings.register_profile("odd", max_examples=3, derandomize=True, database=None, phases=[])
    settings.load_profile("odd")
    try:
        assert drawn(1) == before
    finally:
        settings.load_profile(original)


def test_an_engine_that_draws_random_numbers_is_given_the_same_ones() -> None:
    seen = []

    def function(engine: Any, n: int) -> None:
        seen.append((random.random(), np.random.random()))
        raise ValueError

    state = random.getstate()
    judge(made(function, n=WIDE_RANGE), TinyTape())
    assert len(seen) > 10 and len(set(seen)) == 1, "generated, confirmed and shrunk alike"
    assert random.getstate() == state
