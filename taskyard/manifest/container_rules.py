"""Rules about a task's container that JSON Schema cannot state: env sources, addresses, kernel limits.

Entries of the table in rules; each is handed specs that may be wrong in other ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from taskyard.manifest.problem import Path, shown
from taskyard.manifest.rule_parts import Broken, items, part

_PORT_FIELD = "ports."


def broken_env_sources(spec: dict[str, Any]) -> Iterator[Broken]:
    """A variable given twice, or a host port that there is none of."""
    published = [port.get("name") for _, port in items(spec, "ports") if port.get("host") is not None]
    for name, source in part(spec, "envFrom").items():
        if name in part(spec, "env"):
            yield Broken(("spec", "envFrom", name), f"{shown(name)} is in env as well", "keep it in one of the two")
        if isinstance(source, dict):
            yield from _source(("spec", "envFrom", name), source)
        field = source.get("field") if isinstance(source, dict) else None
        if isinstance(field, str) and field.startswith(_PORT_FIELD):
            port = field.removeprefix(_PORT_FIELD)
            if port not in published:
                message = f"no port of the name {shown(port)} is published"
                hint = f"add {{container: 80, host: auto, name: {port}}} to ports, or name another"
                yield Broken(("spec", "envFrom", name, "field"), message, hint)


def _source(path: Path, source: dict[str, Any]) -> Iterator[Broken]:
    """One of them, with a key where there are several values."""
    kinds = [kind for kind in ("field", "secret", "config") if source.get(kind)]
    if len(kinds) != 1:
        hint = "write {field: node}, {secret: NAME, key: KEY} or {config: NAME, key: KEY}"
        yield Broken(path, f"it comes from {' and '.join(kinds) or 'nowhere'}", hint)
    elif kinds == ["field"] and source.get("key"):
        yield Broken((*path, "key"), "a field has no keys", "remove the line")
    elif kinds != ["field"] and not source.get("key"):
        yield Broken(path, f"it does not say which value of the {kinds[0]}", "add key: KEY")


def broken_pull_secret(spec: dict[str, Any]) -> Iterator[Broken]:
    if spec.get("pullSecret") and spec.get("pullPolicy") == "Never":
        message = "with pullPolicy: Never nothing is fetched that it could be for"
        yield Broken(("spec", "pullSecret"), message, "remove the line, or write pullPolicy: IfNotPresent")


def broken_container_names(spec: dict[str, Any]) -> Iterator[Broken]:
    """`logs -c` takes init tasks and sidecars by name."""
    seen: dict[str, tuple[str, int]] = {}
    for field in ("init", "sidecars"):
        for at, one in items(spec, field):
            name = one.get("name")
            if isinstance(name, str) and (first := seen.setdefault(name, (field, at))) != (field, at):
                message = f"{shown(name)} is given twice, first in spec.{first[0]}[{first[1]}]"
                yield Broken(("spec", field, at, "name"), message, "give each its own name")


def broken_relocation(spec: dict[str, Any]) -> Iterator[Broken]:
    """What cannot simply start on another node."""
    if part(spec, "restart").get("elsewhereAfter") is not None:
        yield from _never_moved(spec, ("spec", "restart", "elsewhereAfter"))
    if part(spec, "onNodeLoss").get("onReturn", "keep-newest") != "keep-newest":
        path = ("spec", "onNodeLoss", "onReturn")
        if part(spec, "onNodeLoss").get("policy") == "stay":
            message = "the task waits for its node (policy is stay), so it is nowhere else when that returns"
            yield Broken(path, message, "remove the line, or write policy: reschedule")
        if spec.get("runOnce") is True:
            message = "a task that runs once is not run elsewhere, so there is nothing to bring back"
            yield Broken(path, message, "remove the line, or runOnce")
        yield from _never_moved(spec, path)


def _never_moved(spec: dict[str, Any], path: Path) -> Iterator[Broken]:
    """Said of the field at `path`, which would have it moved."""
    if spec.get("singleton") is True:
        message = "a singleton has to stop for certain before it starts elsewhere, so it stays where it is"
        yield Broken(path, message, "remove the line, or singleton")
        return
    for _, volume in items(spec, "volumes"):
        if volume.get("type", "volume") == "volume" and volume.get("name") and volume.get("pinned") is not False:
            message = f"the task stays where the data of its volume {shown(volume['name'])} is"
            yield Broken(path, message, "remove the line, or write pinned: false for the volume")


def broken_capabilities(spec: dict[str, Any]) -> Iterator[Broken]:
    added, dropped = (part(spec, "security").get(field) for field in ("capAdd", "capDrop"))
    for at, name in enumerate(added if isinstance(added, list) else ()):
        if isinstance(name, str) and isinstance(dropped, list) and name in dropped:
            message = f"{shown(name)} is in capDrop as well"
            yield Broken(("spec", "security", "capAdd", at), message, "keep it in one of the two")


def broken_ulimits(spec: dict[str, Any]) -> Iterator[Broken]:
    for name, limit in part(spec, "process", "ulimits").items():
        soft, hard = (limit.get("soft"), limit.get("hard")) if isinstance(limit, dict) else (None, None)
        if type(soft) is int and type(hard) is int and _more(soft, hard):
            path = ("spec", "process", "ulimits", name, "hard")
            yield Broken(path, f"hard ({hard}) is less than soft ({soft})", "write a hard that is not less than soft")


def broken_addresses(spec: dict[str, Any]) -> Iterator[Broken]:
    servers = part(spec, "network", "dns").get("servers")
    for at, server in enumerate(servers if isinstance(servers, list) else ()):
        if isinstance(server, str) and not is_address(server):
            path = ("spec", "network", "dns", "servers", at)
            yield Broken(path, f"{shown(server)} is not an IP address", "write an address, such as 10.0.0.53")
    for name, address in part(spec, "network", "extraHosts").items():
        if isinstance(address, str) and address != "host-gateway" and not is_address(address):
            hint = "write an address, such as 10.0.0.7, or host-gateway for the node itself"
            yield Broken(("spec", "network", "extraHosts", name), f"{shown(address)} is not an IP address", hint)


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _more(soft: int, hard: int) -> bool:
    """-1 is without limit."""
    return hard != -1 and (soft == -1 or soft > hard)


def broken_network(spec: dict[str, Any]) -> Iterator[Broken]:
    """What does not go with a network mode."""
    network = part(spec, "network")
    mode = network.get("mode", "bridge")
    if mode in ("none", "host"):
        if network.get("group"):
            path = ("spec", "network", "group")
            yield Broken(path, f"a group has a network of its own, not mode {mode}", "remove group, or mode")
        for name in part(spec, "process", "sysctls") if mode == "host" else ():
            if name.startswith("net."):
                message = f"{name} would change the node's own network"
                yield Broken(("spec", "process", "sysctls", name), message, "remove it, or write mode: bridge")


def broken_port_addresses(spec: dict[str, Any]) -> Iterator[Broken]:
    """Of published ports, and ports that go with no network mode."""
    mode = part(spec, "network").get("mode", "bridge")
    for at, port in items(spec, "ports"):
        yield from _port(("spec", "ports", at), port, mode)


def _port(path: Path, port: dict[str, Any], mode: object) -> Iterator[Broken]:
    host, address = port.get("host"), port.get("address", "")
    if isinstance(address, str) and address and not is_address(address):
        yield Broken((*path, "address"), f"{shown(address)} is not an IP address", "write one, such as 127.0.0.1")
    elif address and host is None:
        yield Broken((*path, "address"), "the port is not published", "add host: auto, or remove the line")
    elif address and mode == "host":
        yield Broken((*path, "address"), "on the node's network the program chooses the address", "remove the line")
    if mode == "none" and host is not None:
        yield Broken((*path, "host"), "there is no network to publish it from", "remove it, or write mode: bridge")
    if mode == "host" and host is not None and host != port.get("container"):
        message = "on the node's network a container's port is the node's"
        yield Broken((*path, "host"), message, "write the same number as in container, or mode: bridge")
