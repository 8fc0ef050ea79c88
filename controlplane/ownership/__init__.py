"""Deletion that reaches further than one object: what an owner or a namespace takes along."""

from controlplane.ownership.controller import OwnershipController

__all__ = ["OwnershipController"]
