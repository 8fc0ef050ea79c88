"""Whether this agent still speaks for its node. Read before a container starts and with each status write."""

from __future__ import annotations

from typing import Protocol

from taskyard.store.api import Compare


class Standing(Protocol):
    def holds_name(self) -> bool:
        """This host is the node: it registered, and as far as is known no other has taken the name since. It says
        nothing of the lease: while the store is away the tasks that are known go on."""
        ...

    def certain(self) -> bool:
        """The node's lease is ours, by our monotonic clock, whatever the store would say."""
        ...

    def fence(self) -> Compare | None:
        """Holds while the registration lives; None while there is none."""
        ...
