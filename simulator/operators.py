"""Whoever looks after the nodes: what is said of them, as the API writes it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from taskyard.objects import Drain, Maintenance, Metadata, NodeSpec


class Operator:
    """`known`: what is said of a node so far, by its name; `say` writes what is said now."""

    def __init__(self, known: Callable[[str], NodeSpec | None], say: Callable[[NodeSpec], None]) -> None:
        self._known = known
        self._say = say
        self._for_good: set[str] = set()
        """Nodes that stay drained, whatever faults are over."""

    def cordon(self, node: str, cordoned: bool) -> None:
        """What is not cordoned any more is not drained either."""
        if node in self._for_good:
            return
        before = self._known(node)
        worked_on = before.maintenance if before is not None else None
        drained = before.drain if before is not None and cordoned else None
        self._say(NodeSpec(metadata=Metadata(name=node), cordoned=cordoned, maintenance=worked_on, drain=drained))

    def drain(self, node: str, deadline: str, *, cordons: bool, force: bool) -> None:
        """`deadline`: a timestamp, or empty. `force`: what is to run once is stopped then, too."""
        before = self._known(node) or NodeSpec(metadata=Metadata(name=node))
        self._say(replace(before, cordoned=cordons or before.cordoned, drain=Drain(deadline=deadline, force=force)))

    def undrain(self, node: str) -> None:
        """A cordon stays."""
        if (before := self._known(node)) is not None:
            self._say(replace(before, drain=None))

    def drain_for_good(self, node: str) -> None:
        """Without a cordon: the drain alone keeps tasks away."""
        self.cordon(node, False)
        self.drain(node, "", cordons=False, force=False)
        self._for_good.add(node)

    def maintain(self, node: str, until: str) -> None:
        """`until`: a timestamp. It ends by itself."""
        self._say(NodeSpec(metadata=Metadata(name=node), maintenance=Maintenance(until=until)))
