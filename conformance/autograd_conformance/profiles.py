"""How much is drawn, and from which seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """`examples` of a clause that does not say otherwise; a `random` profile draws a new seed for each run, the others are the same every time."""

    examples: int
    random: bool
    purpose: str


PROFILES: Mapping[str, Profile] = {
    "smoke": Profile(10, False, "a few seconds: does it work at all?"),
    "default": Profile(100, False, "deterministic, for every change in CI"),
    "deep": Profile(3500, True, "random, nightly: a million examples in all"),
}


def examples_of(profile: str, default: int) -> int:
    """How many examples of a clause to draw that has `default` of them in the default profile; at least one."""
    return max(1, default * PROFILES[profile].examples // PROFILES["default"].examples)


def seed_of(clause_id: str, profile: str, seed: int) -> int:
    """The clause's own seed: the same alone, in parallel and in a subset."""
    return int.from_bytes(hashlib.sha256(f"{clause_id}:{profile}:{seed}".encode()).digest()[:8], "big")
