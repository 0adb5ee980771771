"""What the generator really draws, measured: `python -m autograd_conformance distribution`."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from hypothesis import HealthCheck, Phase, given, seed, settings

from autograd_conformance.operators import STEPS, VIEWS
from autograd_conformance.programs.generate import programs_of
from autograd_conformance.programs.oracle import Oracle, pull_back
from autograd_conformance.programs.palette import MOST_ROOTS, Palette
from autograd_conformance.programs.program import DETACH, Program
from autograd_conformance.programs.zones import Liveness, must_accept

COMPLETE = Palette(
    operators=frozenset({*STEPS, DETACH}),
    aliasing=frozenset({*VIEWS, DETACH}),
    dtypes=("float32", "float64"),
    max_ndim=4,
    shapes=None,
    recording_off=True,
    often=(),
    accepts_cotangent=True,
    roots=MOST_ROOTS,
    passes=1,
)
"""All that a program can be made of, as for an engine that has everything."""


def draw_programs(examples: int, palette: Palette = COMPLETE, start: int = 0) -> list[Program]:
    """Programs as Hypothesis draws them for a clause."""
    drawn: list[Program] = []

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs_of(palette))
    def keep(program: Program) -> None:
        drawn.append(program)

    keep()
    return drawn


@dataclass(frozen=True)
class Distribution:
    """Figures over many programs; shares are between 0 and 1."""

    programs: int
    median_live_steps: float
    mean_live_steps: float
    non_zero_gradient: float
    every_gradient_non_zero: float
    fan_out: float
    with_writes: float
    read_around_write: float
    """Of those with writes: some live write has a live read of what it changes before it, and one after it."""
    writes_through_aliases: float
    """Of those with writes: a tensor is written that shares its memory with another."""
    must_accept: float
    """Of those with writes: no engine has ground to refuse."""
    operators: Counter[str]

    def __str__(self) -> str:
        lines = [f"{self.programs} programs"]
        lines += [f"{name:24} {value:8.3f}" for name, value in vars(self).items() if isinstance(value, float)]
        total = self.operators.total()
        lines += [f"  {name:22} {count / total:8.3f}" for name, count in self.operators.most_common()]
        return "\n".join(lines)


def measure(programs: Sequence[Program]) -> Distribution:
    """The figures; programs come from the generator and are pruned, but liveness is measured here anew."""
    looked_at = [Look(program) for program in programs]
    writing = [look for look in looked_at if any(step.writes for step in look.program.steps)]
    return Distribution(
        len(programs),
        float(median(len(look.liveness.steps) for look in looked_at)),
        mean(len(look.liveness.steps) for look in looked_at),
        _share(looked_at, lambda look: any(look.gradients_non_zero)),
        _share(looked_at, lambda look: all(look.gradients_non_zero)),
        _share(looked_at, lambda look: look.fans_out),
        len(writing) / len(looked_at),
        _share(writing, lambda look: look.liveness.reads_around_write),
        _share(writing, lambda look: look.writes_through_alias),
        _share(writing, lambda look: must_accept(look.program, look.tensors)),
        Counter(step.operator for program in programs for step in program.steps),
    )


class Look:
    """One program with all that is counted about it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.tensors = Oracle(COMPLETE.aliasing).run(program)
        self.liveness = Liveness(program, self.tensors)
        roots = [self.tensors[root] for root in program.roots]
        gradients = pull_back(program, roots, program.cotangent_arrays([root.value.shape for root in roots])).gradients
        self.gradients_non_zero = [bool(each.any()) for each in gradients if each is not None]

    @property
    def fans_out(self) -> bool:
        live = [self.program.steps[place] for place in self.liveness.steps]
        uses = Counter(self.program.target(operand) for step in live for operand in step.operands)
        return max(uses.values(), default=0) > 1

    @property
    def writes_through_alias(self) -> bool:
        memories = Counter(
            id(x.memory) for number, x in enumerate(self.tensors) if self.program.target(number) == number
        )
        return any(
            memories[id(self.tensors[step.operands[0]].memory)] > 1 for step in self.program.steps if step.writes
        )


def _share(looks: Sequence[Look], holds: Callable[[Look], bool]) -> float:
    return sum(map(holds, looks)) / max(len(looks), 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m autograd_conformance distribution", description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000, help="how many programs to draw (default 10000)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    print(measure(draw_programs(arguments.examples, start=arguments.seed)))
    return 0
