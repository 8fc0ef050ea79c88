"""Where in line a waiting task stands: among those of its namespace, and its namespace among the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.placement.fairness import Share, Turn
from taskyard.keys import NamedKey

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """`position` of `waiting` in its namespace, 1 is the next; `before`: namespaces whose turn comes sooner, the first
    one first, though their tasks are of no higher priority."""

    position: int
    waiting: int
    share: Share
    before: tuple[tuple[str, Share], ...]

    def text(self, namespace: str) -> str:
        """`3rd of 250 in line of namespace shop, which has 40% of the cluster; blog (5%) goes first`."""
        line = (
            f"{_ordinal(self.position)} of {self.waiting} in line of namespace {namespace}, which has {_of(self.share)}"
        )
        line += " of the cluster" if self.share.weight == 1 else ""
        if not self.before:
            return line
        named = [f"{name} ({_of(share)})" for name, share in self.before[:_NAMED]]
        more = len(self.before) - len(named)
        named += [f"{more} more"] if more else []
        return f"{line}; {' and '.join(named)} {'goes' if len(self.before) == 1 else 'go'} first"


def standing(key: NamedKey, waiting: Mapping[NamedKey, Turn], shares: Mapping[str, Share]) -> Standing | None:
    """None: it does not wait. `waiting`: of all namespaces."""
    mine = waiting.get(key)
    if mine is None:
        return None
    own = [turn for other, turn in waiting.items() if other.namespace == key.namespace]
    share = shares.get(key.namespace, Share())
    others = {
        other.namespace for other, turn in waiting.items() if other.namespace != key.namespace and turn[0] <= mine[0]
    }
    sooner = [(name, shares.get(name, Share())) for name in others]
    before = sorted((each for each in sooner if each[1].ratio < share.ratio), key=lambda each: (each[1].ratio, each[0]))
    return Standing(sum(turn <= mine for turn in own), len(own), share, tuple(before))


def _of(share: Share) -> str:
    weighed = "" if share.weight == 1 else f" of the cluster at weight {share.weight}"
    return f"{share.held:.0%}{weighed}"


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
