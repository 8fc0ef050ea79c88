"""The garbage collector kept out of the way while very much is made that stays.

It would look through all that is there already, again and again, for cycles that our values do not have: a fifth of the
time that a large cluster's state takes to load.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
