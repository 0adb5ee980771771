"""The README's blocks of code and output, by what they are."""

from __future__ import annotations

import re

from stranger import ROOT

TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FRESH_CLONE = "python3 -m venv .venv && "
"""How a command begins that is for a fresh clone: `.ci/run` runs these."""


def blocks(language: str) -> list[str]:
    """The blocks in `language`, in order: python is run, sh is typed, text is what comes out."""
    return [code for marked, code in BLOCK.findall(TEXT) if marked == language]


def adapter() -> str:
    """The adapter that the README shows."""
    return blocks("python")[0]


def commands() -> list[str]:
    """What is typed, in order."""
    return [line for block in blocks("sh") for line in block.splitlines()]


def for_a_fresh_clone() -> list[str]:
    return [command for command in commands() if command.startswith(FRESH_CLONE)]


def installation() -> list[str]:
    """The commands with which the author of an adapter begins."""
    others = {*for_a_fresh_clone(), *judging(), *benchmarking()}
    return [command for command in commands() if command not in others]


def benchmarking() -> list[str]:
    """The commands that are for a clone with the extra `benchmarks`."""
    return [command for command in commands() if " benchmarks" in command]


def judging() -> list[str]:
    """The commands that come after it."""
    return [command for command in commands() if "autograd_" in command]
