"""The task controller: stops what is deleted, removes what has stopped, and clears away what belongs to no task."""

from controlplane.tasks.controller import TaskController

__all__ = ["TaskController"]
