"""Ports of the seed's bodies: `exposedPorts` is published on automatic host ports, `portBindings` on the given ones.

Keys are Docker's `80/tcp`; called by flat alone.
"""

from __future__ import annotations

import re
from typing import Any

from taskyard.manifest.problem import Path, Problem, path_text, shown

_PORT = re.compile(r"([0-9]{1,5})(?:/(tcp|udp))?", re.ASCII)
_KEY_HINT = "write a port and its protocol, such as 80/tcp"


def ports_of(fields: dict[str, Any], paths: dict[str, Path]) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The ports of a Task's spec, and what is wrong with the fields they come from."""
    hosts: dict[tuple[int, str], int | str] = {}
    problems: list[Problem] = []
    for name in ("exposedPorts", "portBindings"):
        if name not in fields:
            continue
        declared, path = fields[name], paths[name]
        if not isinstance(declared, dict):
            message = f"{shown(declared)} is not a mapping of ports"
            problems.append(Problem(path_text(path), message, 'write {"80/tcp": {}}'))
            continue
        for key, value in declared.items():
            match = _PORT.fullmatch(key)
            if not match or not 1 <= int(match[1]) <= 65535:
                problems.append(Problem(path_text((*path, key)), f"{shown(key)} is not a port", _KEY_HINT))
                continue
            host = "auto" if name == "exposedPorts" else _host(value)
            if host is None:
                message, hint = f"{shown(value)} is not a host port", 'write a port number, such as "8080"'
                problems.append(Problem(path_text((*path, key)), message, hint))
                continue
            hosts[int(match[1]), match[2] or "tcp"] = host
    ports = [
        {"container": port, "host": host} | ({"protocol": protocol} if protocol != "tcp" else {})
        for (port, protocol), host in hosts.items()
    ]
    return ports, problems


def _host(value: Any) -> int | str | None:
    """A number, `"8080"`, or Docker's `[{"HostIp": "", "HostPort": "8080"}]`; nothing in it means an automatic one."""
    if isinstance(value, list) and len(value) <= 1:
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("HostPort", "")
    if value in ("", None, "0") or value == 0:
        return "auto"
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII):
        return None
    return int(text) if int(text) <= 65535 else None
