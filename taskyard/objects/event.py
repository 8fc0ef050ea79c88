"""Event: what happened, to what, and why; counted rather than repeated."""

from __future__ import annotations

from typing import Literal

from taskyard.objects.base import ObjectRef, Wire


class Event(Wire, frozen=True, kw_only=True):
    """The value of `events/<namespace>/<kind>/<name>/<digest>`, leased for an hour.

    The digest is of component, reason and message: the same thing again raises `count` and `last_seen`, and of another
    object of the same name starts over. Of many that differ in their message alone it is without the message
    (taskyard/similar_events.py).
    """

    namespace: str
    about: ObjectRef
    type: Literal["Normal", "Warning"] = "Normal"
    reason: str
    message: str
    component: str
    """`scheduler`, `agent/n1`, `folder/demo`"""
    count: int = 1
    first_seen: str
    last_seen: str
