"""The command-line options.  All begin with `--impl`: a shorter name could collide with another project's conftest."""

from __future__ import annotations

from pathlib import Path

import pytest

PROFILE_NAMES = ("smoke", "default", "deep")
LEVEL_NAMES = ("core", "full", "extension")
ENGINE_NAMES = ("reference", "torch", "autograd", "mygrad", "tinygrad", "paddle")
"""Repeated here because `profiles`, `clauses` and `loading` may not be imported when another project's pytest starts."""


def add_options(parser: pytest.Parser) -> None:
    """Register every option; imports nothing but pytest."""
    group = parser.getgroup("autograd conformance", "judge a gradient engine by the clauses of autograd_spec")
    group.addoption(
        "--impl",
        metavar="ENGINE",
        help=f"the engine to judge: a name that the suite knows ({', '.join(ENGINE_NAMES)}), or "
        "package.module:Class, an adapter of your own. For an adapter in the current folder start `python -m pytest`.",
    )
    group.addoption("--impl-device", metavar="DEVICE", help="where tensors live: one of the adapter's `devices`")
    group.addoption(
        "--impl-profile",
        choices=PROFILE_NAMES,
        default="default",
        help="how much is drawn: smoke (seconds), default (deterministic, for CI), deep (random, nightly). "
        "The seed is --hypothesis-seed, or 0; deep draws a fresh one, and prints it.",
    )
    _add_selection(group)
    _add_files(group)
    group.addoption(
        "--impl-timeout",
        metavar="SECONDS",
        type=_positive,
        default=30.0,
        help="the longest that one example may take (default 30); then its clause gets the verdict timeout and the run "
        "goes on. Not with -n 0 or --pdb, which run in this process.",
    )
    group.addoption(
        "--impl-check",
        action="store_true",
        help="run no clause; check the adapter itself. The first thing to do with a new adapter.",
    )


def _add_selection(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--impl-clause",
        metavar="GLOB",
        action="append",
        help="only clauses whose id matches, such as 'accum.*'; may be repeated",
    )
    group.addoption(
        "--impl-level",
        choices=LEVEL_NAMES,
        action="append",
        help="only clauses of this level; may be repeated. core: any engine that has what the clause needs; full: "
        "engines that mean to be PyTorch-compatible; extension: extras",
    )


def _add_files(group: pytest.OptionGroup) -> None:
    files = {
        "report": ("FILE.json", "write the results as JSON: `python -m autograd_conformance schema` describes it"),
        "expect": ("FILE.toml", "what is known to fail, with counterexamples: the run is red only for what is new"),
        "expect-write": ("FILE.toml", "write such a file from the results, keeping the reasons of --impl-expect"),
        "corpus": ("DIR", "keep counterexamples here, by engine and clause, and replay them first"),
        "scripts": ("DIR", "where reproduction scripts go (default: .autograd-conformance/ENGINE in the root folder)"),
    }
    for name, (metavar, meaning) in files.items():
        group.addoption(f"--impl-{name}", metavar=metavar, type=Path, help=meaning)


def _positive(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise ValueError(f"expected a positive number of seconds, got {text!r}")
    return seconds
