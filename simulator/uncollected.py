"""Runs without the garbage collector: it makes few cycles of objects, and a story that only grows."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def uncollected() -> Iterator[None]:
    """Looking for cycles meanwhile takes a sixth of a run's time; the one look after it a fortieth."""
    _keep_what_is_loaded()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@cache
def _keep_what_is_loaded() -> None:
    """What a process had before its first run is not looked through after each: most of what there is."""
    gc.collect()
    gc.freeze()
