"""Every clause can fail, for the reason it should, and what fails it is no caricature of an engine.

Here each mutant is tried on one seed, and on some of the other clauses.  `matrix.py` tries many seeds, and all clauses at
full size.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from every import every_clause, every_mutant
from planting import Mutant, covers, is_killed, judged, planted
from trivial import trivial_programs

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.engine import Engine
from autograd_conformance.operators import STEPS
from autograd_conformance.programs.program import DETACH

CLAUSES = every_clause()
MUTANTS = every_mutant()
FREQUENT = [each for each in MUTANTS if not each.escapes]
SUBTLE = [each for each in MUTANTS if not each.blatant]
GENERAL = ("backward.interleaved", "inplace.correct-or-loud")
"""Clauses whose programs are made of everything may find any fault."""
SAMPLE = 2
"""So many clauses are tried on a mutant that must not fail them; all of them take hours, and are `matrix.py`'s."""
HERE = Path(__file__).parent

of_mutants = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)


@pytest.mark.parametrize("mutant", FREQUENT, ids=lambda each: each.name)
def test_its_clause_finds_the_fault(mutant: Mutant) -> None:
    assert is_killed(judged(mutant, CLAUSES[mutant.kills]))


@of_mutants
def test_no_clause_fails_that_has_no_business_with_the_fault(mutant: Mutant) -> None:
    others = [each for each in CLAUSES.values() if each.id not in GENERAL and not mutant.may_fail_on(each, CLAUSES)]
    some = random.Random(mutant.name).sample(others, min(SAMPLE, len(others)))
    failed = [clause.id for clause in some if is_killed(judged(mutant, clause, profile="smoke", depth=2000))]
    assert failed == []


@pytest.mark.parametrize("mutant", SUBTLE, ids=lambda each: each.name)
def test_trivial_programs_do_not_show_the_fault(mutant: Mutant) -> None:
    assert wrong_trivial_programs(mutant) == []


@pytest.mark.parametrize("mutant", [each for each in MUTANTS if each.blatant], ids=lambda each: each.name)
def test_trivial_programs_show_a_blatant_fault(mutant: Mutant) -> None:
    assert wrong_trivial_programs(mutant) != []


@pytest.mark.parametrize("engine", [Reference, Torch])
def test_unharmed_engines_run_all_trivial_programs(engine: type[Engine]) -> None:
    assert wrong_trivial_programs(unharmed(engine)) == []
    assert {*STEPS, DETACH, "recording off"} == set(trivial_programs())


def unharmed(engine: type[Engine]) -> Mutant:
    return Mutant(engine, kills="", may_fail=(), blatant="", escapes="")


def wrong_trivial_programs(mutant: Mutant) -> list[str]:
    """What the clause on exact programs says of each, run on a mutant that has run nothing before."""
    wrong = []
    for name, program in trivial_programs().items():
        try:
            with planted(mutant) as engine:
                CLAUSES["op.exact-program"].function(engine, program)
        except Exception as error:  # noqa: BLE001  an engine may raise anything
            wrong.append(f"{name}: {error}")
    return wrong


@of_mutants
def test_every_fault_is_said_in_a_sentence(mutant: Mutant) -> None:
    assert mutant.fault.endswith(".")
    for name in (mutant.kills, *mutant.may_fail):
        assert any(covers(name, clause) for clause in CLAUSES.values()), f"{name!r} means no clause"


@pytest.mark.parametrize("clause", sorted(CLAUSES))
def test_every_clause_has_a_mutant(clause: str) -> None:
    assert [each.name for each in FREQUENT if each.kills == clause]


def test_names_are_unique() -> None:
    names = [each.name for each in MUTANTS]
    assert len(set(names)) == len(names) >= 40


def test_planting_leaves_nothing_behind() -> None:
    """The reference engine is as good as before, after every mutant has been planted in it."""
    for mutant in MUTANTS:
        with planted(mutant):
            pass
    assert wrong_trivial_programs(unharmed(Reference)) == []


def test_a_walk_along_every_path_ends_by_a_timeout(tmp_path: Path) -> None:
    """In the harness nothing stands in for the timeout."""
    packages = [HERE, *(HERE.parents[1] / name for name in ("spec", "conformance", "reference_impl"))]
    report = tmp_path / "report.json"
    options = ["--impl=mutants_backward:VisitsEveryPath", "--impl-clause=backward.diamond", "--impl-timeout=1"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, f"--impl-report={report}", f"--impl-scripts={tmp_path}"],
        cwd=HERE.parents[1],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, packages))},
        timeout=300,
        check=False,
        capture_output=True,
        text=True,
    )
    clauses = json.loads(report.read_text())["clauses"] if report.exists() else []
    assert len(clauses) == 1, run.stdout + run.stderr
    assert (clauses[0]["id"], clauses[0]["verdict"]) == ("backward.diamond", "timeout")
