"""The registry that all hosts of a simulation pull from: one of its tags is pushed again and again."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.specs import IMAGES, MOVING


@dataclass(slots=True)
class Registry:
    images: set[str] = field(default_factory=lambda: {*IMAGES})
    """What a pull finds, by tag or by digest."""
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.push()

    def push(self) -> str:
        """What the tag stands for from now on."""
        digest = f"sha256:{len(self.images):064x}"
        self.tags[MOVING] = digest
        self.images |= {MOVING, f"{MOVING}@{digest}"}
        return digest
