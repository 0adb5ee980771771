"""The memory behind tensors, reduced to what autograd must know of it: how often it was written."""

from __future__ import annotations


class Storage:
    """A block of memory shared by a tensor, its views and its detached aliases.

    `version` counts the writes through any of them. A derivative that needs a value notes the version at the time
    and compares before it uses the value: that is how a lost value is noticed.
    """

    version = 0  # on the class, because most storages are never written and creation must be cheap


inferring: list[object] = []
"""An entry for each thread's scope of inference mode, so that nobody asks for the mode as long as there is none."""
