"""The registry that all hosts of a simulation pull from: one of its tags is pushed again and again, and what that stood
for before may be thrown away."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.specs import IMAGES, MISSING, MOVING


@dataclass(slots=True)
class Registry:
    images: set[str] = field(default_factory=lambda: {*IMAGES})
    """What a pull finds, by tag or by digest."""
    tags: dict[str, str] = field(default_factory=dict)
    _pushed: list[str] = field(default_factory=list)
    """What the tag ever stood for."""

    def __post_init__(self) -> None:
        self.push()

    def push(self) -> str:
        """What the tag stands for from now on."""
        digest = f"sha256:{len(self._pushed) + 1:064x}"
        self._pushed.append(digest)
        self.tags[MOVING] = digest
        self.images |= {MOVING, f"{MOVING}@{digest}"}
        return digest

    def sweep(self) -> None:
        """Only what the tag stands for now is kept."""
        self.images.difference_update(f"{MOVING}@{digest}" for digest in self._pushed[:-1])

    def lacks(self, image: str) -> bool:
        """Only a node that has it already can run it."""
        return image == MISSING or (image.startswith(f"{MOVING}@") and image not in self.images)
