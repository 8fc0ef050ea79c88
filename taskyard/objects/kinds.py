"""Which struct each kind is: the objects that are kept whole under one key, and how any of them is read."""

from __future__ import annotations

from taskyard.keys import ObjectKey
from taskyard.objects.codec import decode
from taskyard.objects.config import Config
from taskyard.objects.cron import Cron
from taskyard.objects.job import Job
from taskyard.objects.namespace import Namespace
from taskyard.objects.secret import Secret
from taskyard.objects.service import Service
from taskyard.objects.task import Task
from taskyard.objects.volume import NamedVolume

AnyObject = Task | Service | Job | Cron | Secret | Config | Namespace | NamedVolume

OBJECT_TYPES: dict[str, type[AnyObject]] = {
    "Task": Task,
    "Service": Service,
    "Job": Job,
    "Cron": Cron,
    "Secret": Secret,
    "Config": Config,
    "Namespace": Namespace,
    "Volume": NamedVolume,
}


def key_of(value: AnyObject) -> ObjectKey:
    return ObjectKey(value.kind, value.metadata.namespace, value.metadata.name)


def decode_object(raw: bytes, kind: str) -> AnyObject:
    """BadValue when the bytes are not such an object."""
    return decode(raw, OBJECT_TYPES[kind])
