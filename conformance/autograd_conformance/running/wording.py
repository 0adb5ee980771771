"""How a verdict reads: the text of one clause, in the summary and wherever pytest shows a failure."""

from __future__ import annotations

from textwrap import indent

from autograd_conformance.results import Counterexample, Result


def full_text(result: Result) -> str:
    """Everything about one clause that does not hold."""
    lines = [result.sentence]
    if result.reason and not (result.verdict == "fail" and result.counterexample):
        lines.append(f"{result.verdict}: {result.reason}")
    shown = [result.counterexample] if result.counterexample else []
    for each in shown + result.further:
        lines += ["", _counterexample_text(each)]
    return "\n".join(lines)


def one_line(result: Result) -> str:
    """For short output: what was judged, expected and got."""
    first = result.counterexample
    if first is None:
        return result.reason
    return f"{first.what}: expected {first.expected}, got {first.got}"


def _counterexample_text(example: Counterexample) -> str:
    lines = [
        f"{example.what} ({example.kind})",
        f"  expected  {_hanging(example.expected)}",
        f"  got       {_hanging(example.got)}",
    ]
    if example.text:
        lines += ["the smallest case found:", indent(example.text.rstrip(), "  ")]
    return "\n".join(lines)


def _hanging(text: str) -> str:
    return text.replace("\n", "\n            ")
