"""The adapters of `lethal_engine`; in each, one operator of HIPS autograd is replaced."""

from typing import ClassVar

import lethal_engine

from autograd_conformance.adapters.autograd import Autograd

harmless = True


def crashing_where_no_script_shows_it(x):
    if lethal_engine.MENDED is not harmless:
        lethal_engine.os.abort()
    return -x


class Crashing(Autograd):
    operators: ClassVar = {**Autograd.operators, "multiply": "lethal_engine.crashing_product(x, y)"}


class Hanging(Autograd):
    operators: ClassVar = {**Autograd.operators, "add": "lethal_engine.hanging_sum(x, y)"}


class Leaving(Autograd):
    operators: ClassVar = {**Autograd.operators, "negative": "lethal_engine.leave(x)"}


class FreedBadly(Autograd):
    operators: ClassVar = {**Autograd.operators, "subtract": "lethal_engine.freed_badly(x, y)"}


class CrashingLater(Autograd):
    operators: ClassVar = {**Autograd.operators, "negative": "lethal_engine.crashing_later(x)"}
