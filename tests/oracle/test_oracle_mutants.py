"""The tests of the oracle can fail: every planted fault is found, on paper and by the interpreter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import test_against_interpreter
from closed_forms import FORMS, check
from oracle_mutants import MUTANTS
from oracle_samples import sample_over_aliasings

from autograd_conformance.judge import Reject
from autograd_conformance.programs.program import Program

PROGRAMS = 400


@pytest.fixture(scope="module")
def programs() -> list[tuple[Program, frozenset[str]]]:
    """Drawn before any fault is planted: the generator runs on the oracle's rules."""
    return list(sample_over_aliasings(PROGRAMS))


def disagrees(judge: Callable[[], None]) -> bool:
    """Whether a check fails by what the oracle says; that it says nothing, or falls over, is not enough."""
    try:
        judge()
    except AssertionError:
        return True
    except (Reject, ValueError, IndexError):
        pass
    return False


@pytest.mark.parametrize("name", MUTANTS)
def test_fault_is_found_on_paper(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    assert any(disagrees(lambda form=form: check(form)) for form in FORMS)  # type: ignore[misc]


@pytest.mark.parametrize("name", MUTANTS)
def test_fault_is_found_by_random_programs(
    name: str, programs: list[tuple[Program, frozenset[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[name](monkeypatch)
    assert any(disagrees(lambda each=each: test_against_interpreter.check(*each)) for each in programs)  # type: ignore[misc]


def test_without_a_fault_nothing_is_found(programs: list[tuple[Program, frozenset[str]]]) -> None:
    for form in FORMS:
        check(form)
    for each in programs[:20]:
        test_against_interpreter.check(*each)
