"""Every controller, by its name: what a process of the control plane runs beside the scheduler, each in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controlplane.crons import CronController
from controlplane.evictions import EvictionController
from controlplane.garbage import GarbageCollector, Keep
from controlplane.intake import Intake
from controlplane.jobs import JobController
from controlplane.leading import LeaderLoop, Means
from controlplane.maintenance import MaintenanceController
from controlplane.ownership import OwnershipController
from controlplane.relocation import RelocationController
from controlplane.returning import ReturnController
from controlplane.services import ServiceController
from controlplane.tasks import TaskController
from controlplane.volumes import VolumeController


def controllers(means: Callable[[str], Means], keep: Keep) -> dict[str, LeaderLoop[Any]]:
    """`means`: for the controller of that name. `keep`: what has ended, in namespaces that say nothing else."""
    return {
        "tasks": TaskController(means("tasks")),
        "services": ServiceController(means("services")),
        "jobs": JobController(means("jobs")),
        "crons": CronController(means("crons")),
        "ownership": OwnershipController(means("ownership")),
        "relocation": RelocationController(means("relocation")),
        "returning": ReturnController(means("returning")),
        "evictions": EvictionController(means("evictions")),
        "garbage": GarbageCollector(means("garbage"), keep),
        "maintenance": MaintenanceController(means("maintenance")),
        "volumes": VolumeController(means("volumes")),
        "intake": Intake(means("intake")),
    }
