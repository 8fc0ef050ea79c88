"""Tells when the node runs out of something, and removes what nobody needs: ended containers and images of ours.

Containers are removed by the agent's own loop, which decides when (decide.py); this only has it look again. An image
goes when this agent fetched it, no task here wants it, and Docker says that no container, of whoever, is made of it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nodeagent.assigned import assigned
from nodeagent.images import FetchedImages
from nodeagent.logins import wishes_of
from nodeagent.pressure import LIMITS, Pressure, Stock, pressures, told
from nodeagent.runtime.port import Runtime, RuntimeFault
from nodeagent.situation import Container
from nodeagent.view import ContainerView
from taskyard.clock import Clock
from taskyard.store.informer import Informer

log = logging.getLogger(__name__)

TIDY_EVERY = 300.0
_KEPT_UNDER_PRESSURE = 300.0
_AT_ONCE = 5
"""Images removed in one go: each takes dockerd a while, and its locks with it."""


class Housekeeping:
    """`stocks` measures what is left, on the disks of these folders; `note` is `Conditions.note`; `wanted` names the
    images of the tasks that are assigned here; `look_again` puts a task on the agent's queue."""

    def __init__(
        self,
        *,
        runtime: Runtime,
        view: ContainerView,
        images: FetchedImages,
        clock: Clock,
        stocks: Callable[[Sequence[Path]], Mapping[Pressure, Stock]],
        folder: Path,
        note: Callable[[Pressure, str | None], None],
        wanted: Callable[[], set[str]],
        look_again: Callable[[str], None],
    ) -> None:
        self._runtime = runtime
        self._view = view
        self._images = images
        self._clock = clock
        self._stocks = stocks
        self._folder = folder
        self._storage = ""
        self._note = note
        self._wanted = wanted
        self._look_again = look_again
        self._pressures: tuple[Pressure, ...] = ()
        self._tidied = float("-inf")

    @property
    def disk_pressed(self) -> bool:
        return "DiskPressure" in self._pressures

    def step(self) -> None:
        """Every few seconds. Raises OSError, RuntimeFault; the next step goes on."""
        stocks = self._stocks(self._folders())
        now = pressures(stocks, self._pressures)
        began = set(now) - set(self._pressures)
        self._pressures = now
        for pressure in LIMITS:
            self._note(pressure, told(pressure, stocks[pressure]) if pressure in now else None)
        if "DiskPressure" in began or self._clock.monotonic() - self._tidied >= TIDY_EVERY:
            self._tidied = self._clock.monotonic()
            self._tidy()

    def _folders(self) -> list[Path]:
        """On the disks that count: the agent's own, and the runtime's once it has told, which it is asked only then."""
        if not self._storage:
            with contextlib.suppress(RuntimeFault):
                self._storage = self._runtime.storage()
        return [self._folder, *([Path(self._storage)] if self._storage else [])]

    def _tidy(self) -> None:
        for uid in sorted({one.run.uid for one in self._view.all() if _over(one)}):
            self._look_again(uid)
        now = self._clock.now()
        self._images.needed(self._wanted(), now)
        for image in self._images.removable(now, pressed=self.disk_pressed)[:_AT_ONCE]:
            self._remove(image)

    def _remove(self, image: str) -> None:
        try:
            removed = self._runtime.remove_image(image)
        except RuntimeFault as error:
            log.warning("image %s, which nobody needs, cannot be removed: %s", image, error)
            return
        if removed:
            log.info("image %s was removed: no task here has needed it for a while", image)
            self._images.forget(image)
        else:
            self._images.fetched(image, self._clock.now())  # A container that is not ours is made of it.


def kept_ended(asked: float, *, disk_pressed: bool) -> float:
    """Seconds that the containers of a task that is over stay."""
    return min(asked, _KEPT_UNDER_PRESSURE) if disk_pressed else asked


def assigned_images(informer: Informer) -> set[str]:
    """Of the tasks that are assigned to this node; a value that cannot be read names none."""
    return {wish.image for assignment in assigned(informer) for wish in wishes_of(assignment)}


def _over(one: Container) -> bool:
    return not one.running
