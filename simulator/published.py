"""What is published of services for CoreDNS and Traefik: only where tasks are ready, and in the end just that.

Judged by the store's history and, in the end, by the containers that run. A publisher that hears late may go by what
was so a moment ago, and what somebody put there by hand is not held against it until it had the time to look. The
checker tells what it sees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from msgspec import json
from msgspec.structs import replace

from controlplane.publishing import Formats
from nodeagent.runtime.port import ContainerState
from simulator.available import NEWS
from simulator.changed import Changed
from simulator.mirror import Mirror
from simulator.node import Host
from simulator.services import Services
from simulator.story import Violation
from taskyard.annotations import HTTP_HOST
from taskyard.objects import Port, Service, Task, TaskState
from taskyard.store.api import Entry, KeyEvent

_FORMATS = Formats(zone="sim.local", traefik="traefik")
LOOKED_AT = 15.0
"""Seconds more until what somebody did to it by hand in the last moment is seen: it is looked at once a minute."""
_DNS = "/skydns/local/sim/"
_SERVERS = "traefik/http/services/taskyard_"
_ROUTERS = "traefik/http/routers/taskyard_"
_ALL = ("/skydns/", "traefik/")
_LATE = 30.0
"""Seconds after which what has ended is not there any more, once its publisher has written anything: those of a leader
that hears late, and as many again for tries that fail."""
_PORTS = (Port(container=80, host="auto", name="http"), Port(container=53, host="auto", protocol="udp"))


def formats(published: bool | None) -> Formats:
    return _FORMATS if published else Formats()


def is_published(key: str) -> bool:
    return key.startswith(_ALL)


def reachable(random: Random, service: Service) -> Service:
    """With ports, and most of those of all nodes with a name for people."""
    template, metadata = service.spec.template, service.metadata
    hosts = random.choice(("", f"{metadata.name}.example", f"{metadata.name}.example, www.example"))
    annotations = metadata.annotations | ({HTTP_HOST: hosts} if hosts else {})
    template = replace(template, spec=replace(template.spec, ports=list(_PORTS)))
    return replace(
        service,
        metadata=replace(metadata, annotations=annotations),
        spec=replace(service.spec, template=template),
    )


def drawn_mischief(random: Random, service: str) -> tuple[str, bytes | None]:
    """A key, and what somebody puts there by hand; None: it is deleted."""
    key = random.choice(
        (
            f"{_DNS}default/{service}/http/{service}-0",
            f"{_DNS}default/gone/http/gone-0",
            f"{_DNS}odd",
            f"{_SERVERS}default_{service}_http/loadBalancer/servers/0/url",
            f"{_ROUTERS}default_{service}_http/rule",
            "/skydns/local/other/x",
            "traefik/http/services/mine/loadBalancer/servers/0/url",
        )
    )
    return key, random.choice((None, b'{"host":"n09","port":1,"ttl":5}', b"http://n09:1", b"\xff"))


class _Reach(NamedTuple):
    """One way to a task: `label` is how its port is called in what is published."""

    service: str
    label: str
    task: str
    address: str


class Published:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._now: dict[str, bytes] = {}
        """What is there, by key."""
        self._by_hand: set[str] = set()
        """Of these, and of those that are not there, what somebody has changed."""
        self._open: dict[str, set[_Reach]] = {}
        """By the key of a task, how it is reached now."""
        self._until: dict[_Reach, float] = {}
        """All that was ever reached, and until when: infinite for what is now."""
        self._wrote = False
        self._restored_at = -math.inf

    def apply(self, event: KeyEvent, who: str, now: float) -> None:
        key, value = event.key, event.entry.value if event.entry is not None else None
        if who == "hand":
            self._by_hand.add(key)
        elif not key.startswith((_DNS, _SERVERS, _ROUTERS)):
            raise Violation(f"{who} wrote {key}, which is somebody else's", key)
        else:
            self._by_hand.discard(key)
            self._wrote = True
        if value is None:
            self._now.pop(key, None)
        else:
            self._now[key] = value
        if who != "hand" and now > self._restored_at + _LATE:
            self._check(key, now, NEWS)

    def _check_left(self, now: float) -> None:
        """The publisher has written: it knows by now what has ended long ago."""
        if now > self._restored_at + _LATE:
            for key in self._now.keys() - self._by_hand:
                self._check(key, now, _LATE)

    def look(self, mirror: Mirror, now: float, changed: Changed) -> None:
        """After each transaction."""
        if self._wrote:
            self._wrote = False
            self._check_left(now)
        if not (self._services.now or self._open):
            return
        found = {*changed.tasks, *(mirror.by_uid[uid] for uid in changed.uids if uid in mirror.by_uid)}
        if changed.lives or changed.owners:
            found |= mirror.tasks.keys() | self._open.keys()
        for key in found:
            task, before = mirror.tasks.get(key), self._open.get(key, set())
            after = set(self._reached(mirror, task)) if task is not None else set()
            self._until |= dict.fromkeys(before - after, now)
            self._until |= dict.fromkeys(after, math.inf)
            if after:
                self._open[key] = after
            else:
                self._open.pop(key, None)

    def restored(self, entries: Iterable[Entry], mirror: Mirror, now: float) -> None:
        self._now = {entry.key: entry.value for entry in entries if is_published(entry.key)}
        self._restored_at = now
        self.look(mirror, now, Changed(lives=True))

    def check_settled(self, mirror: Mirror, hosts: Mapping[str, Host]) -> None:
        """There is just what runs and is ready, at the ports that its containers have."""
        ways = {way for task in mirror.tasks.values() for way in self._run(mirror, task, hosts)}
        wanted = {f"{_DNS}default/{way.service}/{way.label}/{way.task}": way.address for way in ways}
        found = {key: _address(value) for key, value in self._now.items() if key.startswith(_DNS)}
        if found != wanted:
            wrong = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))[0]
            about = f"{wrong} says {found.get(wrong)!r}, and {wanted.get(wrong)!r} is so"
            raise Violation(about, wrong.rpartition("/")[2], wrong)
        self._check_servers(ways)

    def _check_servers(self, ways: set[_Reach]) -> None:
        web = [way for way in ways if way.label == "http"]
        wanted: dict[str, set[str]] = {}
        for way in web:
            wanted.setdefault(f"{_SERVERS}default_{way.service}_http/loadBalancer/servers", set()).add(way.address)
        found: dict[str, set[str]] = {}
        for key, value in self._now.items():
            if key.startswith(_SERVERS):
                found.setdefault(key.rsplit("/", 2)[0], set()).add(_address(value))
        for stem in sorted(found.keys() | wanted.keys()):
            there = {key for key in self._now if key.startswith(f"{stem}/")}
            numbered = {f"{stem}/{number}/url" for number in range(len(wanted.get(stem, ())))}
            if found.get(stem) != wanted.get(stem) or there != numbered:
                raise Violation(f"{stem} has {sorted(found.get(stem, ()))}, and there are {wanted.get(stem)}", stem)
        named = {key.name: each.metadata.annotations.get(HTTP_HOST, "") for key, each in self._services.now.items()}
        rules = {f"{_ROUTERS}default_{way.service}_http/rule" for way in web if named[way.service]}
        if rules != {key for key in self._now if key.startswith(_ROUTERS) and key.endswith("/rule")}:
            raise Violation(f"there are other routers than {sorted(rules)}", *(way.service for way in web))

    def _check(self, key: str, now: float, within: float) -> None:
        """It leads, or led a moment ago, to a task that is ready."""
        value = self._now.get(key)
        if value is None or key.startswith(_ROUTERS):
            return
        address, then = _address(value), now - within
        if key.startswith(_DNS):
            _, service, label, task = [*key.removeprefix(_DNS).split("/"), "", "", ""][:4]
            until = self._until.get(_Reach(service, label, task, address), -math.inf)
        else:
            _, service, label = key.removeprefix(_SERVERS).partition("/")[0].split("_")
            asked = (service, label, address)
            ways = [end for way, end in self._until.items() if (way.service, way.label, way.address) == asked]
            until = max(ways, default=-math.inf)
        if until < then:
            since = f"for {now - until:.0f} s" if until > -math.inf else "at any time"
            raise Violation(f"{key} leads to {address}, which was no ready task's {since}", key, service)

    def _serves(self, mirror: Mirror, task: Task) -> str:
        """Its service, which is there, when it runs and may get traffic; by the word of its agent."""
        binding, owner = task.binding, task.metadata.owner
        if binding is None or owner is None or self._services.owner(task) is None:
            return ""
        status = mirror.statuses.get(binding.node, {}).get(task.metadata.uid)
        if status is None or status.epoch < binding.epoch or status.state is not TaskState.RUNNING:
            return ""
        well = status.health in ("", "healthy") and not task.metadata.deletion_timestamp
        fresh = binding.spec_hash == mirror.spec_hash(task) and binding.node in mirror.leases
        return owner.name if well and fresh else ""

    def _reached(self, mirror: Mirror, task: Task) -> Iterator[_Reach]:
        if task.binding is None or not (service := self._serves(mirror, task)):
            return
        host = mirror.leases[task.binding.node].address.rpartition(":")[0]
        for port in mirror.statuses[task.binding.node][task.metadata.uid].ports:
            label = port.name or str(port.container)
            yield _Reach(service, label, task.metadata.name, f"{host}:{port.host}")

    def _run(self, mirror: Mirror, task: Task, hosts: Mapping[str, Host]) -> Iterator[_Reach]:
        """As its container has it."""
        binding = task.binding
        if binding is None or not (service := self._serves(mirror, task)):
            return
        host, names = hosts[binding.node], {port.container: port.name for port in task.spec.ports}
        for one in host.runtime.everything():
            if one.name.startswith(f"ty-{task.metadata.uid}-") and one.state is ContainerState.RUNNING:
                for port in one.ports:
                    label = names.get(port.container) or str(port.container)
                    yield _Reach(service, label, task.metadata.name, f"{host.key}:{port.host}")


def _address(value: bytes) -> str:
    """`host:port`; empty for what is no address."""
    if value.startswith(b"http://"):
        return value.removeprefix(b"http://").decode()
    try:
        record = json.decode(value)
        return f"{record['host']}:{record['port']}"
    except (ValueError, KeyError, TypeError):
        return ""
