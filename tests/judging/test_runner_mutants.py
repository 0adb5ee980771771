"""Runners that are wrong on purpose: each is caught by the tests named beside it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import test_cases
import test_corpus
import test_determinism
import test_known
import test_runner
import test_world
from test_world import Switched

from autograd_conformance import judge as judgement
from autograd_conformance.clauses import Clause
from autograd_conformance.judge import Failure, Reject
from autograd_conformance.judging import cases, corpus, generation, runner, trial, world
from autograd_conformance.judging.cases import Case
from autograd_conformance.judging.findings import Findings
from autograd_conformance.judging.runner import _Session
from autograd_conformance.judging.trial import Finding, Trial
from autograd_conformance.judging.world import World

Patch = Callable[[pytest.MonkeyPatch], None]
MUTANTS: list[Any] = []


def mutant(*caught_by: Callable[[], object]) -> Callable[[Patch], Patch]:
    """A fault to plant, and the tests that must fail with it."""

    def add(plant: Patch) -> Patch:
        MUTANTS.extend(
            pytest.param(plant, test, id=f"{plant.__name__}-{place}") for place, test in enumerate(caught_by)
        )
        return plant

    return add


original_run = Trial.run
original_confirmed = Trial.confirmed


@mutant(
    lambda: test_runner.test_what_the_engine_raises_is_a_failure(ValueError("no")),
    test_runner.test_what_the_suite_raises_is_a_failure_of_the_suite,
    lambda: test_world.test_a_switch_that_raises_is_a_failure_of_the_engine(),
)
def swallows_exceptions(patch: pytest.MonkeyPatch) -> None:
    def run(trial: Trial, case: Case) -> Finding | None:
        found = original_run(trial, case)
        return found if found is None or isinstance(found.error, Failure) else None

    patch.setattr(Trial, "run", run)


@mutant(lambda: test_runner.test_what_the_engine_raises_is_a_failure(SystemExit(3)))
def lets_the_engine_end_the_run(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trial, "CONTROL", (*trial.CONTROL, SystemExit))


@mutant(lambda: test_runner.test_control_passes_through_at_once(KeyboardInterrupt, False))
def takes_an_interrupt_for_a_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trial, "CONTROL", ())


@mutant(
    test_runner.test_a_case_that_does_not_fail_again_is_unstable,
    test_runner.test_a_case_that_fails_otherwise_the_second_time_is_unstable,
)
def does_not_confirm(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Trial, "confirmed", lambda trial, finding: finding)


@mutant(test_runner.test_a_case_that_fails_otherwise_the_second_time_is_unstable)
def confirms_by_any_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Trial,
        "confirmed",
        lambda self, found: found if self.run_or_skip(found.case) else original_confirmed(self, found),
    )


@mutant(
    test_runner.test_rejected_examples_do_not_count,
    lambda: test_runner.test_a_clause_that_judged_next_to_nothing_fails_and_says_so("clause", 0),
)
def counts_rejected_examples(patch: pytest.MonkeyPatch) -> None:
    def run(trial: Trial, case: Case) -> Finding | None:
        try:
            return original_run(trial, case)
        except Reject:
            return None

    patch.setattr(Trial, "run", run)


@mutant(
    lambda: test_runner.test_a_clause_that_judged_next_to_nothing_fails_and_says_so("strategy", 0),
    lambda: test_runner.test_a_clause_that_judged_next_to_nothing_fails_and_says_so("strategy", 1),
    lambda: test_runner.test_a_clause_that_judged_next_to_nothing_fails_and_says_so("clause", 1),
)
def passes_with_next_to_no_examples(patch: pytest.MonkeyPatch) -> None:
    generate = _Session._generate

    def forgiving(session: _Session, strategies: Any) -> None:
        generate(session, strategies)
        session.defects.clear()

    patch.setattr(_Session, "_generate", forgiving)


@mutant(
    lambda: test_known.test_a_second_defect_is_not_hidden_behind_the_first(0),
    test_runner.test_two_defects_with_one_symptom_are_both_shown,
)
def hides_a_second_defect_behind_the_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Findings, "_is_more_of_the_same", lambda self, finding: finding.symptom in self.seen)


@mutant(lambda: test_known.test_a_failure_that_there_is_nothing_left_to_make_smaller_is_taken_for_the_known_one(0))
def takes_a_failure_that_was_cut_short_for_a_new_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Findings, "_could_be_seen_before", lambda self, finding: False)


@mutant(test_known.test_a_failure_cut_short_that_cannot_become_the_known_one_is_new)
def takes_what_was_cut_short_for_any_known_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Findings, "_could_be_seen_before", lambda self, finding: True)


@mutant(lambda: test_known.test_a_second_defect_is_not_hidden_behind_the_first(0))
def takes_every_failure_for_the_known_one(patch: pytest.MonkeyPatch) -> None:
    def is_counted(findings: Findings, signature: Any, finding: Finding) -> bool:
        findings.known[signature] = finding
        return True

    patch.setattr(Findings, "_is_counted", is_counted)


@mutant(test_known.test_what_no_longer_fails_is_an_unexpected_pass)
def believes_the_expectation(patch: pytest.MonkeyPatch) -> None:
    verdict = _Session._verdict

    def believing(session: _Session, failures: list[str]) -> Any:
        found, reason = verdict(session, failures)
        return ("known" if found == "unexpected-pass" else found), reason

    patch.setattr(_Session, "_verdict", believing)


@mutant(test_runner.test_different_failures_are_all_shown_up_to_the_number_wanted)
def shows_the_first_failure_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Findings, "_seen_enough", lambda session: True)


@mutant(test_runner.test_a_clause_that_always_fails_stops_early)
def never_has_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Findings, "_seen_enough", lambda session: False)


@mutant(test_runner.test_programs_are_shrunk, test_runner.test_a_failure_is_shown_at_its_smallest)
def does_not_shrink(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Trial, "shrunk", lambda trial, finding, candidates, budget: finding)


@mutant(
    test_runner.test_programs_and_values_are_made_smaller_together, test_runner.test_a_failure_is_shown_at_its_smallest
)
def makes_programs_smaller_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(runner, "smaller_like", lambda clause, engine, number: cases.simpler)


@mutant(test_cases.test_values_become_smaller_but_only_to_values_that_were_drawn)
def makes_up_values(patch: pytest.MonkeyPatch) -> None:
    smaller = cases._smaller
    patch.setattr(cases, "_smaller", lambda value, drawn: [0, *smaller(value, drawn)])


@mutant(
    test_runner.test_a_clause_that_changes_its_arguments_does_not_change_the_report,
    test_cases.test_a_copy_is_independent,
)
def hands_out_its_own_arguments(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cases, "_copied", lambda value: value)


@mutant(test_determinism.test_the_seed_the_profile_and_the_id_decide_what_is_drawn)
def ignores_the_seed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(runner, "seed_of", lambda id, profile, seed: 0)


@mutant(test_determinism.test_the_seed_the_profile_and_the_id_decide_what_is_drawn)
def draws_anew_each_time(patch: pytest.MonkeyPatch) -> None:
    fresh = random.Random(0)
    patch.setattr(runner, "seed_of", lambda id, profile, seed: fresh.getrandbits(64))


@mutant(test_determinism.test_an_engine_that_draws_random_numbers_is_given_the_same_ones)
def does_not_seed_the_engine(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(world.np.random, "seed", lambda number: None)


@mutant(test_runner.test_operators_and_notes_are_those_of_this_clause)
def keeps_the_notes_of_another_clause(patch: pytest.MonkeyPatch) -> None:
    class Kept(type(judgement.notes)):  # type: ignore[misc]
        def clear(self) -> None: ...

    patch.setattr(judgement, "notes", Kept())


@mutant(test_runner.test_a_choice_that_is_not_declared_is_a_failure_of_the_suite)
def lets_any_choice_pass(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Clause, "undeclared", lambda clause, notes: [])


@mutant(
    lambda: test_world.test_recording_left_off_is_a_failure_of_its_own_clause(Switched()),
    test_world.test_where_recording_cannot_be_switched_on_nothing_more_is_judged_in_the_process,
)
def does_not_look_whether_recording_is_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(World, "check", lambda world: None)


@mutant(
    test_world.test_recording_left_off_by_another_clause_is_switched_on_before_the_first_example,
    test_world.test_recording_left_off_by_a_failing_example_does_not_reach_the_next,
)
def does_not_switch_recording_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(World, "_switch_recording_on", lambda world: None)


@mutant(
    *[
        lambda state=state: test_world.test_state_is_put_back_before_every_example_and_afterwards(state)
        for state in ("attributes of the engine", "floating-point errors", "folder")
    ]
)
def puts_nothing_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(World, "_restore", lambda world: None)


def with_local_constants() -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_determinism.test_loaded_modules_do_not_matter(patch)


@mutant(with_local_constants)
def draws_constants_of_local_modules(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(generation, "_only_the_seed_decides", nullcontext)


@pytest.mark.parametrize(("plant", "test"), MUTANTS)
def test_a_mutant_is_caught(monkeypatch: pytest.MonkeyPatch, plant: Patch, test: Callable[[], object]) -> None:
    with monkeypatch.context() as patch:
        test()  # what fails here is no catch
        test_world.tiny_tape.switch(True)
        plant(patch)
        with pytest.raises((AssertionError, pytest.fail.Exception, SystemExit)):
            test()


def test_a_corpus_that_is_not_replayed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "load", lambda directory, engine, clause: [])
    with pytest.raises(AssertionError):
        test_corpus.test_a_replayed_case_that_fails_is_a_failure_like_others(tmp_path)


def test_an_expectations_file_that_forgets_a_signature_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = test_known.judge
    monkeypatch.setattr(test_known, "judge", lambda *arguments: replace(judge(*arguments), further=[]))
    with pytest.raises(AssertionError):
        test_known.test_what_is_written_is_expected_by_the_next_run(tmp_path, test_known.NEGATES_OR_SUBTRACTS_TWICE)
