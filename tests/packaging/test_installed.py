"""The wheel where there is no PyTorch: it imports, judges, and leaves other projects alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from stranger import Stranger

PYTHON = ".venv/bin/python"
THEIRS = """
import pytest

@pytest.fixture
def engine():
    return "a car's"

def test_theirs(engine):
    assert engine == "a car's"
"""


@pytest.fixture
def elsewhere(stranger: Stranger, tmp_path: Path) -> Stranger:
    """The same installation, another empty folder."""
    (tmp_path / ".venv").symlink_to(stranger.folder / ".venv")
    return Stranger(tmp_path)


def test_it_imports_without_torch(elsewhere: Stranger) -> None:
    modules = "autograd_conformance, autograd_conformance.engine, autograd_spec.test_accum"
    elsewhere.must(f"{PYTHON} -c \"import {modules}, sys; assert not sys.modules.keys() & dict.fromkeys(['torch'])\"")
    assert "No module named 'torch'" in elsewhere.run(f'{PYTHON} -c "import torch"').stdout


def test_it_comes_from_the_wheel(elsewhere: Stranger) -> None:
    assert "site-packages" in elsewhere.must(f'{PYTHON} -c "import autograd_spec; print(autograd_spec.__file__)"')


def test_types_are_seen_downstream(elsewhere: Stranger) -> None:
    told = elsewhere.must(
        f"{PYTHON} -c \"import autograd_conformance as a, pathlib; print(pathlib.Path(a.__file__).with_name('py.typed').exists())\""
    )
    assert told == "True\n"


def test_a_known_engine_that_is_not_installed_names_its_extra(elsewhere: Stranger) -> None:
    done = elsewhere.run(f"{PYTHON} -m pytest --pyargs autograd_spec --impl=torch")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "pip install 'autograd-conformance[torch]'" in done.stdout


def test_the_same_clauses_from_anywhere(elsewhere: Stranger, stranger: Stranger) -> None:
    """`--pyargs` finds the clauses wherever the adapter can be imported."""
    judge = f"{PYTHON} -m pytest --pyargs autograd_spec --impl=my_adapter:Micrograd --impl-clause=op.exact-program"
    assert "1 clause" in elsewhere.must(judge, PYTHONPATH=str(stranger.folder))


def test_another_project_does_not_notice(elsewhere: Stranger) -> None:
    """The plugin is loaded by its entry point there; it changes nothing, says nothing and writes nothing."""
    (elsewhere.folder / "test_theirs.py").write_text(THEIRS)
    told = elsewhere.must(".venv/bin/pytest -W error -p no:cacheprovider")
    assert "1 passed" in told
    assert "conformance:" not in told
    assert not (elsewhere.folder / ".autograd-conformance").exists()
    told = elsewhere.must(".venv/bin/pytest --pyargs json.tool --collect-only -q || test $? = 5")
    assert "no tests collected" in told
