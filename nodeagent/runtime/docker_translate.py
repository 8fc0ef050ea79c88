"""Between our container types and Docker Engine's. Pure; called by docker.py."""

from __future__ import annotations

import contextlib
import re
import signal

from docker.utils import parse_repository_tag

from nodeagent.runtime.docker_wire import (
    CreateBody,
    DeviceMapping,
    DeviceRate,
    Empty,
    Endpoint,
    EventMessage,
    Healthcheck,
    HostConfig,
    Inspected,
    InspectedImage,
    Listed,
    LogConfig,
    MountBody,
    NetworkingConfig,
    PortBinding,
    RestartPolicy,
    TmpfsOptions,
    UlimitBody,
    Version,
)
from nodeagent.runtime.port import (
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    ContainerState,
    ContainerSummary,
    ImageInfo,
    Mount,
    PortMapping,
    Probe,
    PublishedPort,
)
from nodeagent.runtime.settings import NetworkSettings
from taskyard.clock import parse_timestamp

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
_OF_PODMAN = {"died": "die", "remove": "destroy"}
"""Its words for what happens to containers, and Docker's."""
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_READ_AND_WRITE = "rw"
"""Not to be made: a container that could make device files of that number could have them elsewhere."""
_ALSO_RUNS = {"amd64": ("386",), "arm64": ("arm",)}
"""By a machine's architecture, as Go spells it: those of its predecessors."""
_SHARES_OF_ONE_CPU = 1024
_FEWEST_SHARES = 2
"""What the kernel makes of less."""
_NANOSECONDS = 1_000_000_000
_DEFAULT_GRACE = 10.0


def create_body(spec: ContainerSpec, disk: str = "") -> CreateBody:
    """Docker's own restart policy stays `no`: the agent restarts, by the task's policy and with its backoff.

    `disk`: the device that limits of block I/O are for."""
    limits, io = spec.limits, spec.limits.io
    published = [port for port in spec.ports if port.host is not None and spec.network.mode == "bridge"]
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
        networking_config=_networking(spec.network) if spec.network.group else None,
        host_config=HostConfig(
            restart_policy=RestartPolicy(name="no"),
            log_config=LogConfig(
                type="json-file", config={"max-size": str(limits.log_size), "max-file": str(limits.log_files)}
            ),
            security_opt=["no-new-privileges"],
            port_bindings={f"{port.container}/{port.protocol}": [_binding(port)] for port in published},
            mounts=[_mount(mount) for mount in spec.mounts],
            devices=[_device(path) for path in spec.devices],
            cap_drop=["ALL"],
            cap_add=list(spec.security.capabilities),
            readonly_rootfs=spec.security.read_only_root,
            nano_cpus=limits.cpu * 1_000_000,
            cpu_shares=_shares(limits.cpu_request),
            memory=limits.memory,
            memory_swap=limits.memory + limits.swap if limits.memory else 0,
            memory_reservation=limits.memory_request,
            pids_limit=limits.pids,
            blkio_weight=io.weight,
            blkio_device_read_bps=_rate(disk, io.read_rate),
            blkio_device_write_bps=_rate(disk, io.write_rate),
            read_ops=_rate(disk, io.read_ops),
            write_ops=_rate(disk, io.write_ops),
            init=spec.process.init,
            shm_size=spec.process.shm_size,
            ulimits=[UlimitBody(name=n, soft=soft, hard=hard) for n, (soft, hard) in spec.process.ulimits.items()],
            network_mode=_network_mode(spec.network),
            sysctls=dict(spec.process.sysctls),
            dns=list(spec.network.dns_servers),
            dns_search=list(spec.network.dns_searches),
            dns_options=list(spec.network.dns_options),
            extra_hosts=[f"{name}:{address}" for name, address in spec.network.extra_hosts.items()],
        ),
    )


def _network_mode(network: NetworkSettings) -> str:
    if network.joins:
        return f"container:{network.joins}"
    return network.group or (network.mode if network.mode != "bridge" else "")


def _networking(network: NetworkSettings) -> NetworkingConfig:
    return NetworkingConfig(endpoints_config={network.group: Endpoint(aliases=[network.alias])})


def _binding(port: PortMapping) -> PortBinding:
    return PortBinding(host_port=str(port.host or ""), host_ip=port.address)


def _shares(millis: int) -> int:
    return max(_SHARES_OF_ONE_CPU * millis // 1000, _FEWEST_SHARES) if millis else 0


def _rate(disk: str, rate: int) -> list[DeviceRate]:
    return [DeviceRate(path=disk, rate=rate)] if rate else []


def _healthcheck(probe: Probe) -> Healthcheck:
    return Healthcheck(
        test=["CMD", *probe.command],
        interval=round(probe.interval * _NANOSECONDS),
        timeout=round(probe.timeout * _NANOSECONDS),
        retries=probe.retries,
        start_period=round(probe.start_period * _NANOSECONDS),
    )


def _device(path: str) -> DeviceMapping:
    return DeviceMapping(path_on_host=path, path_in_container=path, cgroup_permissions=_READ_AND_WRITE)


def _mount(mount: Mount) -> MountBody:
    return MountBody(
        type="tmpfs" if mount.tmpfs else "bind" if "/" in mount.source else "volume",
        target=mount.target,
        source=mount.source,
        read_only=mount.read_only,
        tmpfs_options=TmpfsOptions(mode=_WRITABLE_BY_ALL, size_bytes=mount.size) if mount.tmpfs else None,
    )


def container_info(found: Inspected) -> ContainerInfo:
    state = _STATES.get(found.state.status, ContainerState.DEAD)
    ended = state in (ContainerState.EXITED, ContainerState.DEAD)
    # Podman tells of one that has another's network that one's addresses and ports; Docker tells none.
    joins = found.host_config.network_mode.startswith("container:")
    ports = {} if joins else found.network_settings.ports or {}
    networks = {} if joins else found.network_settings.networks or {}
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
        ports=_published(ports),
        pid=found.state.pid,
        address=next((one.ip_address for one in networks.values()), ""),
        stop_signal=_signal_name(found.config.stop_signal) or "SIGTERM",
        stop_grace=_DEFAULT_GRACE if found.config.stop_timeout is None else found.config.stop_timeout,
        error=found.state.error,
        image=found.config.image,
    )


def _signal_name(told: str) -> str:
    """Podman tells a number, `15`. One without a name stays as it is."""
    with contextlib.suppress(ValueError):
        return signal.Signals(int(told)).name
    return told


def image_info(image: str, found: InspectedImage, node: Version) -> ImageInfo:
    repository = _familiar(parse_repository_tag(image)[0])
    digests = (one.partition("@") for one in found.repo_digests or ())
    digest = next((digest for name, _, digest in digests if _familiar(name) == repository), "")
    return ImageInfo(digest, "" if _runs(node, found) else f"{found.os}/{found.architecture}")


def _runs(node: Version, image: InspectedImage) -> bool:
    """What an image does not say is no reason against it."""
    same_system = not image.os or image.os == node.os
    known = image.architecture and node.arch
    return same_system and (not known or image.architecture in (node.arch, *_ALSO_RUNS.get(node.arch, ())))


def _familiar(repository: str) -> str:
    """Docker leaves out the name of its own registry where it can."""
    return repository.removeprefix("docker.io/").removeprefix("library/")


def _health(status: str) -> str:
    return "" if status == "none" else status


def _published(ports: dict[str, list[PortBinding] | None]) -> tuple[PublishedPort, ...]:
    """One for each container port: Docker repeats a binding for IPv4 and IPv6."""
    found = []
    for spelled, bindings in ports.items():
        container, _, protocol = spelled.partition("/")
        if bindings:
            found.append(
                PublishedPort(int(container), protocol, int(bindings[0].host_port), _address(bindings[0].host_ip))
            )
    return tuple(found)


def _address(host_ip: str) -> str:
    return "" if host_ip in ("0.0.0.0", "::") else host_ip


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
    attributes = message.actor.attributes
    action = _OF_PODMAN.get(message.action, message.action)
    code = attributes.get("exitCode") or attributes.get("containerExitCode", "")  # The latter is Podman's.
    return ContainerEvent(
        id=message.actor.id,
        labels=attributes,
        action=action,
        at=message.time_nano / _NANOSECONDS,
        exit_code=int(code) if action == "die" and code.isdecimal() else None,
    )


def _moment(text: str) -> float:
    """Docker writes year 1 for what has not happened."""
    return 0.0 if not text or text.startswith("0001-") else parse_timestamp(text)


def familiar(name: str) -> str:
    """An image's, as people write it and Docker tells it; Podman tells it in full, `docker.io/library/busybox:1.35`."""
    return name.removeprefix("docker.io/").removeprefix("library/") if name.startswith("docker.io/") else name
