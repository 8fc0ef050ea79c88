"""What of one transaction the checker's parts have to look at again: they are told of each, and most concern few."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Changed:
    tasks: set[str] = field(default_factory=set)
    """Keys."""
    uids: set[str] = field(default_factory=set)
    """Whose assignment or status."""
    lives: bool = False
    """A node's lease: whether it lives decides on all that is on it."""
    owners: bool = False
    """Services, jobs, and what is recorded of them."""

    def __bool__(self) -> bool:
        return bool(self.tasks or self.uids or self.lives or self.owners)
