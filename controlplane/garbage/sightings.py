"""Since when things are as they are, as this leader has seen it: on the monotonic clock, which nobody sets.

An age by the time of day is wrong while a clock is; what was seen for long enough as well is not deleted for that.
"""

from __future__ import annotations

from collections.abc import Mapping


class Sightings:
    def __init__(self) -> None:
        self._since: dict[str, tuple[int, float]] = {}

    def clear(self) -> None:
        self._since.clear()

    def look(self, there: Mapping[str, int], now: float) -> dict[str, float]:
        """`there`: by key, the revision at which it became what it is. Seconds for which each was seen so; what is not
        there any more is forgotten."""
        known = self._since
        self._since = {
            key: known[key] if key in known and known[key][0] == revision else (revision, now)
            for key, revision in there.items()
        }
        return {key: now - since for key, (_, since) in self._since.items()}
