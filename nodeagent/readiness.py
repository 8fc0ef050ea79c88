"""Whether the container runtime answers, and what images it has: probed every few seconds, and at once when a call of
it failed.

Nothing new is placed on a node whose Docker is down, and tasks rather go where their image is. Driven by app.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from nodeagent.runtime.port import Runtime, RuntimeFault

log = logging.getLogger(__name__)


class Readiness:
    def __init__(
        self,
        runtime: Runtime,
        note: Callable[[Literal["RuntimeDown"], str | None], None],
        told: Callable[[str, frozenset[str]], None],
    ) -> None:
        """`note` is `Conditions.note`; `told` gets how the runtime describes itself, and the names of its images."""
        self._runtime = runtime
        self._note = note
        self._told = told
        self._described: tuple[str, frozenset[str]] | None = None
        """What was told last."""
        self.ready = False

    def probe(self) -> bool:
        try:
            described = self._runtime.describe(), self._runtime.image_names()
        except RuntimeFault as error:
            self.ready = False
            self._note("RuntimeDown", f"its container runtime does not answer: {error}")
            return False
        if not self.ready:
            log.info("the container runtime answers: %s", described[0])
        self.ready = True
        if described != self._described:
            self._described = described
            self._told(*described)
        self._note("RuntimeDown", None)
        return True
