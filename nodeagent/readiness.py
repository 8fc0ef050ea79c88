"""Whether the container runtime answers, and what images it has: probed every few seconds, and at once when a call of
it failed.

Tells the registration, so that nothing new is placed on a node whose Docker is down, and tasks rather where their image
is. Driven by app.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from nodeagent.runtime.port import Runtime, RuntimeFault

log = logging.getLogger(__name__)


class Readiness:
    def __init__(self, runtime: Runtime, told: Callable[[bool, str, frozenset[str]], None]) -> None:
        """`told` gets whether the runtime answers, how it describes itself, and the names of its images."""
        self._runtime = runtime
        self._told = told
        self.ready = False

    def probe(self) -> bool:
        try:
            description, images = self._runtime.describe(), self._runtime.image_names()
        except RuntimeFault as error:
            if self.ready:
                log.error("the container runtime does not answer: %s", error)
            self.ready = False
            self._told(False, "", frozenset())
            return False
        if not self.ready:
            log.info("the container runtime answers: %s", description)
        self.ready = True
        self._told(True, description, images)
        return True
