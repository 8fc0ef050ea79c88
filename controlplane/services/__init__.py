"""The service controller: makes, changes and removes the tasks of services, a few at a time."""

from controlplane.services.controller import ServiceController

__all__ = ["ServiceController"]
