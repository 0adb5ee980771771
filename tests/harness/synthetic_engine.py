"""An engine that does next to nothing; clauses of the tests do the rest."""

from typing import Any, ClassVar

import numpy as np

from autograd_conformance.engine import Engine


class Synthetic(Engine):
    name = "synthetic"
    version = "1.0"
    url = "https://engine.example"
    operators: ClassVar = {"add": "x + y"}
    devices = ("cpu", "toy")

    def tensor(self, array: Any, *, requires_grad: bool = False) -> Any:
        return np.array(array)

    def array(self, t: Any) -> Any:
        return np.array(t)

    def vjp(self, function: Any, primals: Any, cotangents: Any) -> Any:
        return function(*primals), list(cotangents)
