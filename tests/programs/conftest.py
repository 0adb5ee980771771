"""One large draw for all tests of the generator."""

from __future__ import annotations

import pytest

from autograd_conformance.programs.distribution import Distribution, draw_programs, measure
from autograd_conformance.programs.program import Program


@pytest.fixture(scope="session")
def drawn() -> list[Program]:
    """Ten thousand programs, as for an engine that has everything."""
    return draw_programs(10_000)


@pytest.fixture(scope="session")
def distribution(drawn: list[Program]) -> Distribution:
    """What these programs are like."""
    return measure(drawn)
