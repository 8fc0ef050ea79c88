"""Services that follow the Secrets and Configs which their tasks use: a change of one counts as one of the template.

The template gets a container label with a digest of the values, as `rollout restart` gives it one with the time; so it
is another revision of the service, is rolled out within the limits of every update, and can be undone. Pure.
"""

from __future__ import annotations

import hashlib

from msgspec.structs import replace

from controlplane.cluster import CacheChange, ClusterCache
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import Config, Secret, Service, TaskSpec

VERSION = "data-version"


def with_data(cache: ClusterCache, service: Service) -> Service:
    """The service with the template that its tasks are to have; as it is when it follows no data. Under the lock."""
    if not service.spec.update.follow_data:
        return service
    template = service.spec.template
    used = used_by(template.spec, service.metadata.namespace)
    if not used:
        return service
    labels = {**template.spec.container_labels, VERSION: _digest(cache, used)}
    spec = replace(template.spec, container_labels=labels)
    return replace(service, spec=replace(service.spec, template=replace(template, spec=spec)))


def used_by(spec: TaskSpec, namespace: str) -> list[ObjectKey]:
    """In their order, each once: those that variables take values from, and those that are mounted as files."""
    found = [
        ObjectKey("Secret" if source.secret else "Config", namespace, source.secret or source.config)
        for source in spec.env_from.values()
        if source.secret or source.config
    ]
    found += [
        ObjectKey(volume.type.capitalize(), namespace, volume.name)
        for volume in spec.volumes
        if volume.type in ("secret", "config")
    ]
    return sorted(set(found))


def followers_of(cache: ClusterCache, change: CacheChange) -> list[NamedKey]:
    """The services that a changed Secret or Config concerns. Under the lock."""
    key = change.object
    if key is None or key.kind not in ("Secret", "Config"):
        return []
    return [
        NamedKey(*found[1:])
        for found, record in cache.objects.items()
        if isinstance(record.value, Service)
        and found.namespace == key.namespace
        and record.value.spec.update.follow_data
        and key in used_by(record.value.spec.template.spec, found.namespace)
    ]


def _digest(cache: ClusterCache, used: list[ObjectKey]) -> str:
    """12 hex digits. One that is not there counts as empty: tasks that need it wait for it anyway."""
    digest = hashlib.sha256()
    for key in used:
        record = cache.objects.get(key)
        value = record.value if record is not None else None
        data = value.spec.data if isinstance(value, Secret | Config) else {}
        for name in sorted(data):
            digest.update(repr((key.kind, key.name, name, data[name])).encode())
    return digest.hexdigest()[:12]
