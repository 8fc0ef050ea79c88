"""What CoreDNS and Traefik are to find in etcd about one service. Pure.

CoreDNS reads the messages of SkyDNS (https://coredns.io/plugins/etcd/): under the reversed name, one JSON object for
each address and port. Traefik reads one key for each field (https://doc.traefik.io/traefik/routing/providers/kv/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from controlplane.services.endpoints import Endpoint, EndpointPort
from taskyard.annotations import HTTP_HOST, HTTP_PORT
from taskyard.keys import NamedKey
from taskyard.objects import Service

HTTP_RULE = "taskyard/http-rule"
HTTP_ENTRYPOINTS = "taskyard/http-entrypoints"
"""Annotations of a service for Traefik alone, beside those of taskyard.annotations: a rule in its own words, which goes
before host names (without either, the router is somebody else's to make), and its entry points (with commas)."""

_TTL = 5
"""Seconds that a resolver may remember an address."""
_MARK = "taskyard_"
"""How what is ours begins among Traefik's services and routers; no name of an object has an underscore."""


@dataclass(frozen=True, slots=True)
class Formats:
    """`zone`: a DNS name under which services are found; `traefik`: Traefik's root key. Empty: not published."""

    zone: str = ""
    traefik: str = ""

    @property
    def prefixes(self) -> list[str]:
        """All that is ours is below these, and what is below the first two is ours alone."""
        dns = [self._dns] if self.zone else []
        kv = [f"{self.traefik}/http/{part}/{_MARK}" for part in ("services", "routers")] if self.traefik else []
        return [*dns, *kv]

    @property
    def _dns(self) -> str:
        return f"/skydns/{'/'.join(reversed(self.zone.split('.')))}/"


class _Record(msgspec.Struct, frozen=True):
    """SkyDNS's message."""

    host: str
    port: int
    ttl: int = _TTL


def records(formats: Formats, service: Service, endpoints: Sequence[Endpoint]) -> dict[str, bytes]:
    """Key → value, all there is to be of this service. A port that nothing publishes is reached by nobody."""
    found = dict(_dns(formats, service, endpoints)) if formats.zone else {}
    return found | dict(_traefik(formats, service, endpoints)) if formats.traefik else found


def owner_of(formats: Formats, key: str) -> NamedKey | None:
    """The service that a published key is about; None for a key that is not ours."""
    if formats.zone and key.startswith(formats._dns):
        parts = key[len(formats._dns) :].split("/")
        return NamedKey(parts[0], parts[1]) if len(parts) == 4 else None
    for prefix in formats.prefixes[1 if formats.zone else 0 :]:
        if key.startswith(prefix):
            parts = key[len(prefix) :].partition("/")[0].split("_")
            return NamedKey(parts[0], parts[1]) if len(parts) == 3 else None
    return None


def _dns(formats: Formats, service: Service, endpoints: Sequence[Endpoint]) -> Iterator[tuple[str, bytes]]:
    """`<port>.<service>.<namespace>.<zone>` is one port of all tasks, without the port it is all of them."""
    metadata = service.metadata
    for endpoint in endpoints:
        for port in endpoint.ports:
            path = f"{metadata.namespace}/{metadata.name}/{_label(port)}/{endpoint.task}"
            yield formats._dns + path, msgspec.json.encode(_Record(port.address, port.port))


def _traefik(formats: Formats, service: Service, endpoints: Sequence[Endpoint]) -> Iterator[tuple[str, bytes]]:
    metadata = service.metadata
    by_port: dict[str, list[EndpointPort]] = {}
    for endpoint in endpoints:
        for port in endpoint.ports:
            if port.protocol == "tcp":
                by_port.setdefault(_label(port), []).append(port)
    for label, ports in by_port.items():
        stem = f"{formats.traefik}/http/services/{_name(service, label)}/loadBalancer/servers"
        for number, port in enumerate(ports):
            yield f"{stem}/{number}/url", f"http://{_host(port.address)}:{port.port}".encode()
    hosts = " || ".join(f"Host(`{host}`)" for host in _listed(metadata.annotations.get(HTTP_HOST, "")))
    rule = metadata.annotations.get(HTTP_RULE, "") or hosts
    target = _routed(metadata.annotations.get(HTTP_PORT, ""), by_port)
    if rule and target:
        name = _name(service, target)
        stem = f"{formats.traefik}/http/routers/{name}"
        yield f"{stem}/rule", rule.encode()
        yield f"{stem}/service", name.encode()
        for number, each in enumerate(_listed(metadata.annotations.get(HTTP_ENTRYPOINTS, ""))):
            yield f"{stem}/entrypoints/{number}", each.encode()


def _routed(wanted: str, by_port: dict[str, list[EndpointPort]]) -> str:
    """The port that the annotation names, by name or by number; the first without one; empty: there is none such."""
    if not wanted:
        return next(iter(by_port), "")
    return next((label for label, ports in by_port.items() if wanted in (label, str(ports[0].container))), "")


def _listed(text: str) -> list[str]:
    return [part for each in text.split(",") if (part := each.strip())]


def _name(service: Service, label: str) -> str:
    return f"{_MARK}{service.metadata.namespace}_{service.metadata.name}_{label}"


def _label(port: EndpointPort) -> str:
    return port.name or str(port.container)


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
