"""Ends the maintenance of a node when it is over, and tells when it begins and ends."""

from controlplane.maintenance.controller import MaintenanceController

__all__ = ["MaintenanceController"]
