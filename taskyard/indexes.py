"""Sets of small whole numbers as people write them, `0-4,7`: which tasks of a job have done their work.

Thousands take a few bytes as long as most of them lie together. Pure; used by manifests and the job controller.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

_PART = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)


class BadIndexes(ValueError):
    """The message says what is accepted."""


class Indexes:
    """Immutable. `spans` are (first, last), rising, with a gap between each two."""

    __slots__ = ("spans",)

    def __init__(self, spans: tuple[tuple[int, int], ...] = ()) -> None:
        self.spans = spans

    @classmethod
    def parse(cls, text: str) -> Indexes:
        """Of `0-4,7`, in any order; empty: none. Raises BadIndexes."""
        spans = []
        for part in text.split(",") if text else ():
            match = _PART.fullmatch(part.strip())
            if match is None:
                raise BadIndexes(f"{part.strip()!r} is no index and no range of them: write for example 0-4,7")
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                raise BadIndexes(f"{part.strip()!r} ends before it begins: write {last}-{first}")
            spans.append((first, last))
        return cls(_merged(spans))

    def with_all(self, indexes: Iterable[int]) -> Indexes:
        return Indexes(_merged([*self.spans, *((index, index) for index in indexes)]))

    def __or__(self, other: Indexes) -> Indexes:
        return Indexes(_merged([*self.spans, *other.spans]))

    def __contains__(self, index: int) -> bool:
        at = bisect_right(self.spans, (index, 1 << 30)) - 1
        return at >= 0 and self.spans[at][0] <= index <= self.spans[at][1]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.spans)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.spans:
            yield from range(first, last + 1)

    def missing(self, below: int) -> Iterator[int]:
        """Those from 0 that are not in it, rising."""
        at = 0
        for first, last in self.spans:
            yield from range(at, min(first, below))
            at = last + 1
        yield from range(at, below)

    def __str__(self) -> str:
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in self.spans)


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)
