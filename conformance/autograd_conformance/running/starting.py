"""What `--impl` sets in motion: a worker that judges, or a controller that starts workers and gathers their results."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograd_conformance.profiles import PROFILES
from autograd_conformance.running.gathering import Gathering
from autograd_conformance.running.isolation import Controller, choose_isolation
from autograd_conformance.running.loading import check_spelling_of, load_engine
from autograd_conformance.running.sitting import Sitting
from autograd_conformance.running.watch import Watch


def start(config: pytest.Config) -> None:
    """Register what this process has to do."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(_judging_in_worker(config, config.workerinput))
        return
    _forget_old_report(config)
    check_spelling_of(config.getoption("impl"))
    seed = _seed(config)
    isolated = choose_isolation(config)
    if config.getoption("collectonly"):
        return
    gathering = Gathering(config, seed, isolated)
    config.pluginmanager.register(gathering, "autograd_conformance.running.gathering")
    if isolated:
        folder = Path(tempfile.mkdtemp(prefix="autograd-conformance-"))
        config.pluginmanager.register(Controller(config, gathering, folder))
    else:
        config.pluginmanager.register(_judging(config, seed, None, gathering.expect))


def _forget_old_report(config: pytest.Config) -> None:
    """Whatever stops this run, nobody is to take the report of an earlier one for that of this one."""
    path: Path | None = config.getoption("impl_report")
    if path is not None and not config.getoption("collectonly"):
        path.unlink(missing_ok=True)


def check_adapter(config: pytest.Config) -> int:
    """`--impl-check`: the adapter itself, without a clause."""
    from autograd_conformance.checks.check import run_check

    impl = config.getoption("impl")
    if impl is None:
        raise pytest.UsageError("--impl-check: add --impl=package.module:Class, the adapter to check")
    return run_check(load_engine(impl, config.getoption("impl_device")))


def _judging_in_worker(config: pytest.Config, workerinput: dict[str, Any]) -> object:
    given = workerinput["autograd_conformance"]
    folder, worker = Path(given["folder"]), workerinput["workerid"]
    watch = Watch(folder, worker, config.getoption("impl_timeout"))
    return _judging(config, given["seed"], watch, lambda sitting: sitting.write(folder, worker))


def _judging(config: pytest.Config, seed: int, watch: Watch | None, announce: Callable[[Sitting], None]) -> object:
    from autograd_conformance.running.process import (
        Judging,  # with Hypothesis, which a process that only gathers need not load
    )

    return Judging(config, seed, watch, announce)


def _seed(config: pytest.Config) -> int:
    """`--hypothesis-seed` (which is Hypothesis's own option), or 0, or for a random profile a fresh one."""
    given = config.getoption("--hypothesis-seed", None)
    if given is None:
        return random.SystemRandom().getrandbits(32) if PROFILES[config.getoption("impl_profile")].random else 0
    try:
        return int(given)
    except ValueError:
        raise pytest.UsageError(f"--hypothesis-seed={given}: expected a whole number") from None
