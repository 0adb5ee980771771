"""All mutants, and all clauses of the specification."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import FunctionType

from planting import MUTANTS, Mutant

import autograd_spec
from autograd_conformance.clauses import Clause

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("mutants_*.py"))


def every_mutant() -> list[Mutant]:
    """In the order of the modules."""
    for module in MODULES:
        importlib.import_module(module)
    return MUTANTS


def every_clause() -> dict[str, Clause]:
    """By id, as they are collected from the package."""
    names = [found.name for found in pkgutil.iter_modules(autograd_spec.__path__) if found.name.startswith("test_")]
    modules = [importlib.import_module(f"autograd_spec.{name}") for name in names]
    functions = [each for module in modules for each in vars(module).values() if isinstance(each, FunctionType)]
    clauses = [each.clause for each in functions if hasattr(each, "clause")]
    return {clause.id: clause for clause in clauses}
