"""Hypothesis as a generator of cases, and as nothing else: we confirm, shrink and report ourselves.

What is drawn depends on the strategies and the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, Verbosity, given, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException, StopTest, Unsatisfiable
from hypothesis.internal.conjecture.providers import HypothesisProvider

from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import Reject
from autograd_conformance.judging import cases
from autograd_conformance.judging.cases import PROGRAMS, Case

VALUES = 200
"""How many values of a parameter are looked at to find a smaller one."""


class Enough(BaseException):
    """No more cases are wanted.  Not an Exception: Hypothesis lets it pass."""


class _Passing(BaseException):
    """Carries an exception through Hypothesis, which would take it for a failure and run it again."""


def generate(
    strategies: Mapping[str, st.SearchStrategy[Any]], number: int, count: int, use: Callable[[Case], None]
) -> int:
    """Draw up to `count` cases from the seed `number` and hand them to `use`; how many draws were begun.

    `use` raises Reject for a case that does not count, and Enough to stop.  What a strategy raises passes through.
    """
    begun = 0

    @st.composite
    def counted(draw: st.DrawFn) -> Case:
        nonlocal begun
        begun += 1
        with _what_hypothesis_may_see():
            return {name: draw(strategy) for name, strategy in strategies.items()}

    @seed(number)
    @_settings(count)
    @given(counted())
    def example(case: Case) -> None:
        with _what_hypothesis_may_see():
            use(case)

    with _only_the_seed_decides():
        try:
            example()
        except (Unsatisfiable, Enough):
            pass  # the caller sees from the numbers that next to nothing was accepted
        except _Passing as passing:
            assert passing.__cause__ is not None
            raise passing.__cause__ from None
    return begun


def strategies_of(clause: Clause, engine: Engine) -> dict[str, st.SearchStrategy[Any]]:
    """Parameter -> strategy.  Raises Unsupported where nothing can be drawn for `engine`."""
    given = clause.arguments
    return {name: each if isinstance(each, st.SearchStrategy) else each(engine) for name, each in given.items()}


def values_like(case: Case, strategies: Mapping[str, st.SearchStrategy[Any]], number: int) -> dict[str, list[Any]]:
    """Parameter of `case` that is neither program nor text -> values that its strategy draws from the seed `number`."""
    names = sorted(name for name, value in case.items() if not isinstance(value, (str, *PROGRAMS)))
    drawn: dict[str, list[Any]] = {name: [] for name in names}

    def keep(values: Case) -> None:
        for name, value in values.items():
            drawn[name].append(value)

    if names:
        generate({name: strategies[name] for name in names}, number, VALUES, keep)
    return drawn


def smaller_like(clause: Clause, engine: Engine, number: int) -> Callable[[Case], Iterator[Case]]:
    """What makes smaller cases of one: its programs simpler, then its other values smaller.

    Each lets the other become smaller still.  Values are drawn from the seed `number`, and only once they are needed.
    """
    drawn: dict[str, list[Any]] = {}

    def candidates(case: Case) -> Iterator[Case]:
        yield from cases.simpler(case)
        if not drawn:
            drawn.update(values_like(case, strategies_of(clause, engine), number))
        yield from cases.smaller(case, drawn)

    return candidates


def _settings(count: int) -> settings:
    """Everything said, so that no profile of the user's has a say."""
    return settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        backend="hypothesis",
    )


@contextmanager
def _what_hypothesis_may_see() -> Iterator[None]:
    try:
        yield
    except Reject:
        reject()
    except (HypothesisException, StopTest, Enough):
        raise
    except BaseException as error:
        raise _Passing from error


@contextmanager
def _only_the_seed_decides() -> Iterator[None]:
    """Without the constants that Hypothesis finds in whatever modules are loaded, and likes to draw.

    It has no setting for this.  A test notices when the method has another name, or is called for other ends.
    """
    with patch.object(HypothesisProvider, "_maybe_draw_constant", lambda *_, **__: None, create=True):
        yield
