"""`schema`: prints the JSON Schema of a report."""

from __future__ import annotations

import json
from collections.abc import Sequence

from autograd_conformance.reporting.report import parser, schema


def main(argv: Sequence[str]) -> int:
    parser("schema", "print the JSON Schema (draft 2020-12) of a report").parse_args(argv)
    print(json.dumps(schema(), indent=2))
    return 0
