"""`python -m autograd_conformance COMMAND ...`: what is done with reports, and with the suite itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "contract": ("contract", "what an adapter may spell: facts, verbs and operators with their parameters"),
    "compare": (
        "reporting.comparison",
        "what changed between two reports; exit status 1 if something got worse",
    ),
    "merge": ("reporting.merging", "one report from several that judged parts of one run"),
    "table": ("reporting.table", "a Markdown table, engines by chapters, from reports"),
    "schema": ("reporting.schema", "print the JSON Schema of a report"),
    "distribution": ("programs.distribution", "measure what the generator of programs draws"),
}
"""Command -> the module whose `main(argv) -> int` does it, imported when it is asked for, and what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0 for yes, 1 for no, 2 for a mistake in the call."""
    text = "\n".join(f"  {name:13}{purpose}" for name, (_, purpose) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m autograd_conformance",
        description="To judge an engine, run: pytest --pyargs autograd_spec --impl=ENGINE",
        epilog=f"commands:\n{text}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="those of the command; see COMMAND --help")
    given = parser.parse_args(argv)
    module = import_module(f"autograd_conformance.{COMMANDS[given.command][0]}")
    status: int = module.main(given.arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
