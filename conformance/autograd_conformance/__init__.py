"""The contract, the harness and the adapters of the autograd conformance suite.  It imports no engine."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograd_conformance.engine import Engine as Engine
    from autograd_conformance.spelling import template as template

__version__ = "0.1.0"

__all__ = ["Engine", "template"]


def __getattr__(name: str) -> object:
    """Imported when they are asked for: pytest loads our plugin in every project, and need not load NumPy for it."""
    if name == "Engine":
        from autograd_conformance.engine import Engine

        return Engine
    if name == "template":
        from autograd_conformance.spelling import template

        return template
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
