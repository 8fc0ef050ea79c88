"""Between our container types and Docker Engine's. Pure; called by docker.py."""

from __future__ import annotations

import re

from nodeagent.runtime.docker_wire import (
    CreateBody,
    Empty,
    EventMessage,
    Healthcheck,
    HostConfig,
    Inspected,
    Listed,
    LogConfig,
    MountBody,
    PortBinding,
    RestartPolicy,
    TmpfsOptions,
    UlimitBody,
)
from nodeagent.runtime.port import (
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    ContainerState,
    ContainerSummary,
    Mount,
    Probe,
    PublishedPort,
)
from taskyard.clock import parse_timestamp

_LOG_LIMITS = {"max-size": "10m", "max-file": "3"}
"""A task that talks without end fills 30 MB of disk, no more."""

_STATES = {
    "created": ContainerState.CREATED,
    "running": ContainerState.RUNNING,
    "paused": ContainerState.RUNNING,
    "restarting": ContainerState.RUNNING,
    "exited": ContainerState.EXITED,
    "removing": ContainerState.DEAD,
    "dead": ContainerState.DEAD,
}
_WRITABLE_BY_ALL = 0o1777
"""As /tmp has it. Otherwise a tmpfs takes the mode of the image's directory that it covers, often writable by root
alone, and the task may run as somebody else. (runc before 1.1.8 does that whatever it is told.)"""
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_NANOSECONDS = 1_000_000_000
_DEFAULT_GRACE = 10.0


def create_body(spec: ContainerSpec) -> CreateBody:
    """Docker's own restart policy stays `no`: the agent restarts, by the task's policy and with its backoff."""
    published = [port for port in spec.ports if port.host is not None]
    return CreateBody(
        image=spec.image,
        labels=dict(spec.labels),
        env=list(spec.env),
        entrypoint=list(spec.entrypoint) or None,
        cmd=list(spec.args) or None,
        working_dir=spec.workdir,
        user=spec.user,
        hostname=spec.network.hostname,
        tty=spec.process.tty,
        exposed_ports={f"{port.container}/{port.protocol}": Empty() for port in spec.ports},
        stop_signal=spec.stop_signal,
        stop_timeout=round(spec.stop_grace),
        healthcheck=_healthcheck(spec.probe) if spec.probe else None,
        host_config=HostConfig(
            restart_policy=RestartPolicy(name="no"),
            log_config=LogConfig(type="json-file", config=_LOG_LIMITS),
            security_opt=["no-new-privileges"],
            port_bindings={
                f"{port.container}/{port.protocol}": [PortBinding(host_port=str(port.host or ""))] for port in published
            },
            mounts=[_mount(mount) for mount in spec.mounts],
            nano_cpus=spec.cpu_millis * 1_000_000,
            memory=spec.memory_bytes,
            memory_swap=spec.memory_bytes,
            init=spec.process.init,
            shm_size=spec.process.shm_size,
            ulimits=[UlimitBody(name=n, soft=soft, hard=hard) for n, (soft, hard) in spec.process.ulimits.items()],
            sysctls=dict(spec.process.sysctls),
            dns=list(spec.network.dns_servers),
            dns_search=list(spec.network.dns_searches),
            dns_options=list(spec.network.dns_options),
            extra_hosts=[f"{name}:{address}" for name, address in spec.network.extra_hosts.items()],
        ),
    )


def _healthcheck(probe: Probe) -> Healthcheck:
    return Healthcheck(
        test=["CMD", *probe.command],
        interval=round(probe.interval * _NANOSECONDS),
        timeout=round(probe.timeout * _NANOSECONDS),
        retries=probe.retries,
        start_period=round(probe.start_period * _NANOSECONDS),
    )


def _mount(mount: Mount) -> MountBody:
    return MountBody(
        type="tmpfs" if mount.tmpfs else "volume",
        target=mount.target,
        source=mount.source,
        read_only=mount.read_only,
        tmpfs_options=TmpfsOptions(mode=_WRITABLE_BY_ALL, size_bytes=mount.size) if mount.tmpfs else None,
    )


def container_info(found: Inspected) -> ContainerInfo:
    state = _STATES.get(found.state.status, ContainerState.DEAD)
    ended = state in (ContainerState.EXITED, ContainerState.DEAD)
    return ContainerInfo(
        id=found.id,
        name=found.name.removeprefix("/"),
        labels=found.config.labels or {},
        state=state,
        exit_code=found.state.exit_code if ended else None,
        oom_killed=found.state.oom_killed,
        started_at=_moment(found.state.started_at),
        finished_at=_moment(found.state.finished_at) if ended else 0.0,
        health=_health(found.state.health.status) if found.state.health else "",
        ports=_published(found.network_settings.ports or {}),
        pid=found.state.pid,
        stop_signal=found.config.stop_signal or "SIGTERM",
        stop_grace=_DEFAULT_GRACE if found.config.stop_timeout is None else found.config.stop_timeout,
        error=found.state.error,
    )


def _health(status: str) -> str:
    return "" if status == "none" else status


def _published(ports: dict[str, list[PortBinding] | None]) -> tuple[PublishedPort, ...]:
    """One for each container port: Docker repeats a binding for IPv4 and IPv6."""
    found = []
    for spelled, bindings in ports.items():
        container, _, protocol = spelled.partition("/")
        if bindings:
            found.append(PublishedPort(int(container), protocol, int(bindings[0].host_port)))
    return tuple(found)


def container_summary(found: Listed) -> ContainerSummary:
    health = _HEALTH.search(found.status)
    return ContainerSummary(
        id=found.id,
        name=found.names[0].removeprefix("/") if found.names else "",
        labels=found.labels or {},
        state=_STATES.get(found.state, ContainerState.DEAD),
        health=health[1] if health else "",
    )


def container_event(message: EventMessage) -> ContainerEvent:
    return ContainerEvent(
        id=message.actor.id,
        labels=message.actor.attributes,
        action=message.action,
        at=message.time_nano / _NANOSECONDS,
    )


def _moment(text: str) -> float:
    """Docker writes year 1 for what has not happened."""
    return 0.0 if not text or text.startswith("0001-") else parse_timestamp(text)
