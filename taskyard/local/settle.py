"""What `up` runs on: which Docker Engine, which etcd, which ports; and from that, the plan of child processes.

What runs already on the machine is used. Called by taskyard/local/up.py; nothing is started here but installations.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass

from taskyard.endpoint import endpoint, name_list
from taskyard.local import etcd, packages
from taskyard.local.dockerd import Dockerd
from taskyard.local.engine import DEFAULT_HOST, EngineError, running_engine
from taskyard.local.errors import LocalError
from taskyard.local.etcd import EtcdServer
from taskyard.local.ports import holder, is_free, next_free
from taskyard.local.state import ChildPlan, Plan, Settings, StateFolder
from taskyard.node_name import node_name, of_host

DEFAULT_API_PORT = 8080
OWN = "own"
"""As the value of --etcd: start one, whatever runs already."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for; None and empty: not said."""

    host: str = "127.0.0.1"
    port: int | None = None
    etcd: str = ""
    node: str = ""


def settle(
    folder: StateFolder, wishes: Wishes, earlier: Settings | None, alive: Collection[str], say: Callable[[str], None]
) -> Settings:
    """Finds or installs what is needed, and chooses the rest. LocalError says what is missing.

    `earlier` is what a run that was not taken down had settled on, `alive` the children that it left running: those
    are kept as they are, and the rest as far as it is still possible.
    """
    node = _node(wishes.node, earlier)
    docker, own_docker = _docker(folder, say)
    endpoints, peer_port = _etcd(folder, wishes.etcd, earlier, alive, say)
    return Settings(
        host=wishes.host,
        port=_api_port(wishes, earlier, alive, say),
        etcd=endpoints,
        own_etcd=peer_port != 0,
        peer_port=peer_port,
        docker=docker,
        own_docker=own_docker,
        cluster=f"local-{hashlib.sha256(str(folder.path).encode()).hexdigest()[:8]}",
        node=node,
    )


def disagreements(settings: Settings, wishes: Wishes) -> list[str]:
    """What was asked for that what runs already does not do."""
    found: list[str] = []
    if wishes.port not in (None, 0, settings.port):
        found.append(f"the API listens on port {settings.port}, not {wishes.port}")
    if wishes.etcd and wishes.etcd != OWN and _endpoints(wishes.etcd) != settings.etcd:
        found.append(f"the etcd in use is {','.join(settings.etcd)}, not {wishes.etcd}")
    if wishes.node and wishes.node != settings.node:
        found.append(f"the node is called {settings.node}, not {wishes.node}")
    return found


def plan(folder: StateFolder, settings: Settings) -> Plan:
    """The children, in the order of their start."""
    children: list[ChildPlan] = []
    etcd_list = ",".join(settings.etcd)
    python = [sys.executable, "-m"]
    if settings.own_docker:
        argv = [*python, "taskyard.local.dockerd", str(folder.docker)]
        children.append(ChildPlan(name="docker", argv=argv, log=_log(folder, "docker"), outlives=True))
    if settings.own_etcd:
        server = own_etcd(folder, settings)
        children.append(ChildPlan(name="etcd", argv=server.argv(), log=_log(folder, "etcd")))
    api = ["--host", settings.host, "--port", str(settings.port)]
    agent = ["--node", settings.node, "--cluster", settings.cluster, "--docker-host", settings.docker]
    children += [
        ChildPlan(
            name="controlplane",
            argv=[*python, "controlplane", "--etcd", etcd_list, *api],
            log=_log(folder, "controlplane"),
            needs=settings.etcd[:1],
        ),
        ChildPlan(
            name="agent",
            argv=[*python, "nodeagent", "--etcd", etcd_list, *agent, "--data-dir", str(folder.agent)],
            log=_log(folder, "agent"),
            needs=settings.etcd[:1] + ([settings.docker] if settings.own_docker else []),
        ),
    ]
    return Plan(children=children)


def own_etcd(folder: StateFolder, settings: Settings) -> EtcdServer:
    port = int(settings.etcd[0].rpartition(":")[2])
    return EtcdServer(folder.etcd, client_port=port, peer_port=settings.peer_port)


def _node(wish: str, earlier: Settings | None) -> str:
    try:
        return node_name(wish) if wish else earlier.node if earlier is not None else of_host(socket.gethostname())
    except ValueError as error:
        raise LocalError(f"--node: {error}") from error


def _docker(folder: StateFolder, say: Callable[[str], None]) -> tuple[str, bool]:
    """The engine's address, and whether it is ours to start."""
    dockerd = Dockerd(folder.docker)
    if dockerd.running() is not None:
        return dockerd.engine.host, True
    try:
        engine = running_engine()
        if engine is None:
            _only_root()
            packages.ensure([packages.DOCKER, packages.IPTABLES, packages.BUSYBOX], folder.logs / "apt.log", say)
            engine = running_engine()  # where systemd runs, installing it has started it
    except EngineError as error:
        raise LocalError(str(error), hint="start it, or unset DOCKER_HOST") from error
    if engine is not None:
        return engine.host, False
    changed = dockerd.prepare()
    if changed:
        say(changed)
    return dockerd.engine.host, True


def _only_root() -> None:
    if os.geteuid() == 0:
        return
    hint = "run this as root, start Docker, or point DOCKER_HOST at an engine that you may use"
    socket_path = DEFAULT_HOST.removeprefix("unix://")
    if os.path.exists(socket_path) and not os.access(socket_path, os.W_OK):
        hint = f"{socket_path} is there, but you may not use it: join the group docker and log in again, or run as root"
    raise LocalError("no Docker Engine answers you, and only root can install and start one", hint=hint)


def _etcd(
    folder: StateFolder, wish: str, earlier: Settings | None, alive: Collection[str], say: Callable[[str], None]
) -> tuple[list[str], int]:
    """Endpoints, and the peer port when the etcd is ours to start (0: it is not)."""
    if earlier is not None and earlier.own_etcd and "etcd" in alive:
        return earlier.etcd, earlier.peer_port
    if earlier is not None and not wish:
        wish = OWN if earlier.own_etcd else ",".join(earlier.etcd)
    if wish and wish != OWN:
        endpoints = _endpoints(wish)
        if not any(etcd.healthy(one) for one in endpoints):
            raise LocalError(
                f"no etcd answers at {wish} (from --etcd or TASKYARD_ETCD)",
                hint="start it, or leave the option out, and one is started here",
            )
        return endpoints, 0
    usual = f"127.0.0.1:{etcd.DEFAULT_PORT}"
    if wish != OWN and etcd.healthy(usual):
        return [usual], 0
    packages.ensure([packages.ETCD], folder.logs / "apt.log", say)
    client = _free_port("etcd", etcd.DEFAULT_PORT, say)
    return [f"127.0.0.1:{client}"], next_free(client + 1, avoid=(client,))


def _endpoints(wish: str) -> list[str]:
    try:
        return [endpoint(item, default_port=etcd.DEFAULT_PORT) for item in name_list(wish)]
    except ValueError as error:
        raise LocalError(f"--etcd: {error}") from error


def _api_port(wishes: Wishes, earlier: Settings | None, alive: Collection[str], say: Callable[[str], None]) -> int:
    if earlier is not None and "controlplane" in alive:
        return earlier.port
    if wishes.port is None and earlier is not None and is_free(earlier.port, wishes.host):
        return earlier.port
    if wishes.port is None:
        return _free_port("the API", DEFAULT_API_PORT, say, wishes.host)
    if not is_free(wishes.port, wishes.host):
        raise LocalError(
            f"port {wishes.port} on {wishes.host} is held by {holder(wishes.port)}",
            hint="stop it, name another port with --port, or leave that out, and a free one is chosen",
        )
    return wishes.port or next_free(DEFAULT_API_PORT, host=wishes.host)


def _free_port(what: str, usual: int, say: Callable[[str], None], host: str = "127.0.0.1") -> int:
    port = next_free(usual, host=host)
    if port != usual:
        say(f"port {usual} is held by {holder(usual)}; {what} uses {port}")
    return port


def _log(folder: StateFolder, name: str) -> str:
    return str(folder.logs / f"{name}.log")
