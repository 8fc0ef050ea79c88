"""By how much this machine's time of day is off, against that of the leading control plane, as far as it is proved.

The leader writes the time into the store over and over (controlplane/past). Whoever finds such a mark that was not
there at the look before knows between which two moments it was written, and so bounds of the difference; each further
mark makes them narrower. Nobody's clock is trusted, and no network need be fast: a slow answer makes bounds wide.
"""

from __future__ import annotations

from collections import deque

import msgspec

from taskyard import keys
from taskyard.clock import Clock, parse_timestamp
from taskyard.objects import BadValue, Mark, decode
from taskyard.store.api import Store

_REMEMBERED = 12
"""Marks: about two minutes."""
LOOK_EVERY = 6.18
"""Seconds: the golden section of the ten between two marks, so that looks soon fall at all distances from marks."""


class Bounds(msgspec.Struct, frozen=True):
    """Seconds. `marks`: by how many it is known; one alone may have been written late."""

    low: float
    high: float
    marks: int = 1


def narrowed(found: list[Bounds]) -> Bounds | None:
    """What the newest of them, which come first, have in common: where they contradict each other somebody's clock was
    set, and the older ones count no longer."""
    known: Bounds | None = None
    for each in found:
        if known is None:
            known = each
            continue
        low, high = max(known.low, each.low), min(known.high, each.high)
        if low > high:
            break
        known = Bounds(low, high, known.marks + 1)
    return known


def skew(ahead: Bounds | None, allowed: float) -> str | None:
    """In a sentence, once it is proved to be more than `allowed` seconds; 0: any skew is."""
    if ahead is None or ahead.marks < 2 or not allowed or (-allowed <= ahead.high and ahead.low <= allowed):
        return None
    if ahead.low > allowed:
        way, least, most = "ahead of", ahead.low, ahead.high
    else:
        way, least, most = "behind", -ahead.high, -ahead.low
    return f"its clock is {least:.1f} to {most:.1f} s {way} the leading control plane's; {allowed:g} s are allowed"


class LeaderTime:
    """`step` belongs to one thread; `ahead` may be asked by any."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._found: deque[Bounds] = deque(maxlen=_REMEMBERED)
        """Of the monotonic clock against the leader's time of day: what somebody sets here shows at once."""
        self._looked: tuple[float, int] | None = None
        """When it last asked, and the revision of the answer."""
        self._known: Bounds | None = None
        """What all that was found has in common."""

    def step(self) -> None:
        """One look, every LOOK_EVERY. Raises StoreError."""
        asked = self._clock.monotonic()
        listing = self._store.list(keys.MARK)
        answered, before = self._clock.monotonic(), self._looked
        self._looked = asked, listing.revision
        for entry in listing.entries:
            if before is None or entry.mod_revision <= before[1]:
                continue
            try:
                at = parse_timestamp(decode(entry.value, Mark).at)
            except (BadValue, ValueError):
                continue
            self._found.appendleft(Bounds(before[0] - at, answered - at))
            self._known = narrowed(list(self._found))

    def ahead(self) -> Bounds | None:
        """This machine's time of day now, less the leader's; None while nothing is known."""
        known = self._known
        if known is None:
            return None
        own = self._clock.now() - self._clock.monotonic()
        return Bounds(known.low + own, known.high + own, known.marks)
