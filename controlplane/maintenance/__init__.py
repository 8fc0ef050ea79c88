"""Ends the maintenance of a node when it is over, and tells when it and cordons begin and end."""

from controlplane.maintenance.controller import MaintenanceController

__all__ = ["MaintenanceController"]
