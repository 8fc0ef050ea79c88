"""Which events of one object differ in their words alone, so often that they are told as one.

The same words again are counted under one key (taskyard/events.py). Words with a number in them that changes each time
would make a key each time, and a task that fails every second would fill the store: the first few are told as they are,
and all further ones share a key, which has the newest words and the count. As Kubernetes' aggregation of events.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from taskyard import keys
from taskyard.objects import Event

MOST_DIFFERENT = 10
"""Different messages of one object, reason and component within `WITHIN`."""
WITHIN = 600.0
"""Seconds, from the first time that a message was told."""
COMBINED = "one of many such: "
_REMEMBERED = 4096
"""Objects with their reasons; beyond, the one that was told of least recently is told anew."""


class SimilarEvents:
    """What one component told lately. Not safe for threads: its caller holds a lock."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, str, str, str], dict[str, float]] = OrderedDict()
        """By namespace, kind, name and reason: messages, and when each was first told."""

    def placed(self, event: Event, now: float) -> tuple[str, Event]:
        """The key to write it under, and as what. `now`: seconds on a clock that only goes on."""
        about = event.about
        place = (event.namespace, about.kind, about.name, event.reason)
        message, before = event.message, self._told.pop(place, None)
        # Most objects have it told once.
        told = {} if before is None else {other: at for other, at in before.items() if now - at < WITHIN}
        if message in told or len(told) < MOST_DIFFERENT:
            told.setdefault(message, now)
        else:
            event, message = msgspec.structs.replace(event, message=f"{COMBINED}{message}"), ""
        self._told[place] = told
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return keys.event(event.namespace, about.kind, about.name, event.component, event.reason, message), event
