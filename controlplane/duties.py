"""The threads of a process: one for each duty, and all of them ended within one span of time.

`controlplane.app` begins and ends them; what a duty does is its own.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence

from taskyard.events import EventRecorder

_log = logging.getLogger(__name__)

_FLUSH_EVERY = 0.5
Duty = Callable[[threading.Event], None]


def threads_of(duties: Mapping[str, Duty], stop: threading.Event) -> list[threading.Thread]:
    """Not started yet. Daemons: one that hangs must not keep the process."""
    return [threading.Thread(target=duty, args=(stop,), name=name, daemon=True) for name, duty in duties.items()]


def end(threads: Iterable[threading.Thread], within: float) -> list[str]:
    """Waits for all of them, so many seconds together; the names of those that go on, of which the log says where."""
    deadline = time.monotonic() + within
    left = []
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
        if thread.is_alive():
            left.append(thread.name)
            _log.warning("the thread %s did not end in %g s; leaving without it: %s", thread.name, within, _at(thread))
    return left


def keep_flushing(recorders: Sequence[EventRecorder], stop: threading.Event) -> None:
    """A duty. When the store is away each of them waits for it for as long as one call takes."""
    while not stop.wait(_FLUSH_EVERY):
        for recorder in recorders:
            if stop.is_set():
                return
            recorder.flush()


def flush_once_more(recorders: Iterable[EventRecorder]) -> None:
    """At the end. Once one of them has not got rid of its events the others are not tried: events are for people, and
    nobody waits through a dozen timeouts for them."""
    for recorder in recorders:
        recorder.flush(all_counts=True)
        if recorder.waiting:
            _log.info("the last events are not written: the store does not take them")
            return


def _at(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return "it has just ended"
    return " < ".join(
        f"{each.name} ({each.filename}:{each.lineno})" for each in reversed(traceback.extract_stack(frame))
    )
