"""What the README shows is so: it names options and files that exist, and has no command that nobody runs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from readme_blocks import BLOCK, TEXT, adapter, blocks, for_a_fresh_clone
from stranger import ROOT, Stranger

from autograd_conformance.results import VERDICTS


def test_every_block_is_run_typed_or_output() -> None:
    assert {language for language, _ in BLOCK.findall(TEXT)} == {"python", "sh", "text"}
    assert TEXT.count("```") == 2 * len(BLOCK.findall(TEXT))


def test_its_options_exist(stranger: Stranger) -> None:
    offered = stranger.must(".venv/bin/pytest --help") + (ROOT / "benchmarks/conftest.py").read_text()
    named = set(re.findall(r"--(?:impl|hypothesis)[-a-z]*|--pdb\b", TEXT))
    assert len(named) > 8
    assert [option for option in sorted(named) if option not in offered] == []


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_reference_engine_says_what_is_shown() -> None:
    done = subprocess.run((sys.executable, "-c", blocks("python")[2]), check=True, capture_output=True, text=True)
    assert done.stdout == blocks("text")[3]


def test_it_explains_every_verdict() -> None:
    rows = "".join(line.partition(" | ")[0] for line in TEXT.splitlines() if line.startswith("| "))
    assert [verdict for verdict in VERDICTS if verdict not in rows] == []


def test_an_adapter_takes_thirty_lines_at_most() -> None:
    assert len(adapter().splitlines()) <= 30


@pytest.mark.parametrize("end", [" --impl=reference", " tests"])
def test_ci_runs_its_commands_for_a_fresh_clone(end: str) -> None:
    """Each is found by the very lines of `.ci/run` that look for it."""
    function = re.search(r"^readme_command\(\).*$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert function
    script = f"{function[0]}\nreadme_command '{end}'"
    done = subprocess.run(("bash", "-c", script), cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [command for command in for_a_fresh_clone() if command.endswith(end)]
    assert len(done.stdout.splitlines()) == 1
    assert len(for_a_fresh_clone()) == 2
