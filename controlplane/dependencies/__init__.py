"""What a task waits for before it is given its first node. Cycles are controlplane/admission's to refuse."""

from controlplane.dependencies.unmet import Unmet, time_left, unmet

__all__ = ["Unmet", "time_left", "unmet"]
