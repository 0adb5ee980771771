"""The contract, the harness and the adapters of the autograd conformance suite.  It imports no engine."""

from autograd_conformance.engine import Engine
from autograd_conformance.spelling import template

__all__ = ["Engine", "template"]
