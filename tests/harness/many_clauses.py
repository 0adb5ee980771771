"""120 clauses: six crash, three hang, some behave badly in other ways; the others pass."""

import ctypes
import os
import re
import sys
import threading
import time
import warnings

from hypothesis.strategies import integers

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.judge import equal


def overflow_the_stack():
    nested = ()
    for _ in range(300_000):
        nested = (nested,)
    hash(nested)  # recurses in C without asking for the recursion limit; repr() would be quadratic, a hang


def take_a_lock_twice():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def sleep_on():
    while True:
        time.sleep(0.01)


def leave_state_behind():
    os.chdir("/")
    sys.setrecursionlimit(200)
    warnings.simplefilter("error")


def raise_something_odd():
    raise SystemExit(0)


CRASHES = {
    3: lambda: os._exit(0),
    4: lambda: os._exit(1),
    40: lambda: ctypes.string_at(0),
    77: os.abort,
    78: overflow_the_stack,
    119: lambda: os.kill(os.getpid(), 9),
}
HANGS = {10: sleep_on, 60: lambda: re.match(r"(a+)+$", "a" * 60 + "b"), 61: take_a_lock_twice}
FAILS = {20: raise_something_odd, 21: lambda: equal("one", 1, 2), 22: lambda: equal("a type", 1, 1.0)}
NOISE = {30: lambda: print("noise"), 31: lambda: os.write(1, b"raw noise\n"), 32: leave_state_behind}
BEHAVIOUR = CRASHES | HANGS | FAILS | NOISE


def make(number):
    @clause(f"many.c{number:03}", level=CORE, examples=3, x=integers(0, 9))
    def test(engine, x):
        """A clause."""
        BEHAVIOUR.get(number, int)()

    return test


for number in range(120):
    globals()[f"test_{number:03}"] = make(number)
