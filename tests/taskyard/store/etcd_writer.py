"""A writer that goes on through faults, for tests that ask afterwards what became of its writes."""

from __future__ import annotations

import threading
from types import TracebackType

from taskyard.store.api import OutcomeUnknown, Put, Store, StoreUnavailable, absent


class Writer:
    """Puts /w/00000, /w/00001, … each once, in a thread, while its block runs; tries again what surely failed.

    `acknowledged` maps each key to its revision. A key whose outcome is unknown is left as it is and passed over.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.acknowledged: dict[str, int] = {}
        self.unknown: list[str] = []
        self.refusals = 0
        """How often a write surely failed."""

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            key = f"/w/{number:05d}"
            try:
                done = self._store.commit([absent(key)], [Put(key, b"x")])
            except OutcomeUnknown:
                self.unknown.append(key)
            except StoreUnavailable:
                self.refusals += 1
                continue
            else:
                assert done.succeeded, f"{key} was written twice"
                self.acknowledged[key] = done.revision
            number += 1
            self._stop.wait(0.002)
