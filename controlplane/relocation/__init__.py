"""Has tasks that keep failing on one node tried on another, where they ask for that."""

from controlplane.relocation.controller import RelocationController

__all__ = ["RelocationController"]
