"""Puts on record where the data of named volumes is: what placement goes by once their tasks are gone, or lost."""

from controlplane.volumes.controller import VolumeController

__all__ = ["VolumeController"]
