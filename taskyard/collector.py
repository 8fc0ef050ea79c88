"""The garbage collector kept out of the way of processes that hold, and make, very many values.

It would look through all that is there already, again and again, for cycles that our values do not have: a fifth of the
time that a large cluster's state takes to load, and a fifteenth of what the scheduler spends on a binding.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MADE_BETWEEN = 10_000
"""More objects that are there than were after the last look at young ones, before the next one; Python says 700."""


def rarely() -> None:
    """From now on, young objects in this process are looked through seldom: what few cycles there are may wait."""
    gc.set_threshold(_MADE_BETWEEN, *gc.get_threshold()[1:])


@contextmanager
def spared() -> Iterator[None]:
    """Nothing is collected meanwhile in this process, and what is there at the end counts as there to stay."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
