"""The job controller: makes the tasks of jobs, counts how they end, and tries again what failed."""

from controlplane.jobs.controller import JobController

__all__ = ["JobController"]
