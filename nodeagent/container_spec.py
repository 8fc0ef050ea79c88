"""Assignment → the container that an attempt at it needs. Pure; called right before a container is created."""

from __future__ import annotations

from nodeagent import names
from nodeagent.allowance import capabilities
from nodeagent.container_env import Assigned, environment
from nodeagent.devices import device_labels, device_variables
from nodeagent.hooks import hook_labels
from nodeagent.limits import limit_settings
from nodeagent.names import Owner, Run
from nodeagent.preparation import NOTHING_PREPARED, Preparation
from nodeagent.runtime.port import ContainerSpec, Mount, PortMapping, Probe
from nodeagent.runtime.settings import NetworkSettings, ProcessSettings, SecuritySettings
from nodeagent.steps import at_step, joined, name_of
from taskyard.objects import Assignment, HealthCheck, Port, Process, Volume
from taskyard.quantity import byte_count, seconds


def container_spec(
    assignment: Assignment, run: Run, owner: Owner, prepared: Preparation = NOTHING_PREPARED
) -> ContainerSpec:
    """Our labels and variables are stronger than the user's. ValueError when a quantity cannot be read."""
    name, network = name_of(assignment.spec, run.step), joined(assignment.spec, run)
    assignment = at_step(assignment, run.step)
    spec = assignment.spec
    variables = environment(assignment, run, owner, prepared.ports, prepared.values)
    variables |= device_variables(prepared.devices)
    return ContainerSpec(
        name=run.container_name,
        image=spec.image,
        labels=spec.container_labels | _labels(assignment, run, owner, name) | device_labels(prepared.devices),
        entrypoint=tuple(spec.command),
        args=tuple(spec.args),
        env=tuple(f"{name}={value}" for name, value in variables.items()),
        workdir=spec.workdir,
        user=spec.user,
        ports=() if network else tuple(_port(port, prepared.ports) for port in spec.ports),
        mounts=tuple(_mount(volume, run, owner, prepared) for volume in spec.volumes),
        devices=tuple(path for device in prepared.devices for path in device.paths),
        process=_process(spec.process),
        network=NetworkSettings(joins=network) if network else _network(assignment, owner),
        security=SecuritySettings(spec.security.read_only_root, capabilities(spec.security)),
        limits=limit_settings(spec),
        stop_signal=spec.stop.signal,
        stop_grace=seconds(spec.stop.grace_period),
        probe=_probe(spec.health_check) if spec.health_check else None,
    )


def _labels(assignment: Assignment, run: Run, owner: Owner, name: str) -> dict[str, str]:
    own = dict.fromkeys(names.NOT_ON_ALL, "") | {
        names.UID: run.uid,
        names.EPOCH: str(run.epoch),
        names.ATTEMPT: str(run.attempt),
        names.SPEC_HASH: assignment.spec_hash,
        names.TASK: f"{assignment.namespace}/{assignment.name}",
    }
    if run.step != names.MAIN:
        own[names.STEP] = str(run.step)
    if name:
        own[names.CONTAINER] = name
    group = names.group_labels(owner, assignment.namespace, assignment.spec.network.group)
    return owner.labels | own | group | hook_labels(assignment)


def _port(port: Port, assigned: Assigned) -> PortMapping:
    host = assigned.get((port.container, port.protocol), 0) if port.host == "auto" else port.host
    return PortMapping(port.container, port.protocol, host, port.address)


def _process(process: Process) -> ProcessSettings:
    return ProcessSettings(
        init=process.init,
        tty=process.tty,
        shm_size=0 if process.shm_size is None else byte_count(process.shm_size),
        ulimits={
            name: (limit.soft, limit.soft if limit.hard is None else limit.hard)
            for name, limit in process.ulimits.items()
        },
        sysctls=process.sysctls,
    )


def _network(assignment: Assignment, owner: Owner) -> NetworkSettings:
    network = assignment.spec.network
    return NetworkSettings(
        mode=network.mode,
        group=names.group_labels(owner, assignment.namespace, network.group).get(names.GROUP, ""),
        alias=assignment.name if network.group else "",
        hostname=network.hostname,
        dns_servers=tuple(network.dns.servers),
        dns_searches=tuple(network.dns.searches),
        dns_options=tuple(network.dns.options),
        extra_hosts=network.extra_hosts,
    )


def _mount(volume: Volume, run: Run, owner: Owner, prepared: Preparation) -> Mount:
    if volume.type in ("secret", "config"):
        return Mount(target=volume.target, source=prepared.folders.get(volume.target, ""), read_only=True)
    tmpfs, removed = volume.type == "tmpfs", volume.on_delete == "remove"
    return Mount(
        target=volume.target,
        source=prepared.paths.get(volume.path, volume.path) if volume.type == "host" else volume.name,
        tmpfs=tmpfs,
        size=byte_count(volume.size) if tmpfs and volume.size is not None else 0,
        read_only=volume.read_only,
        labels=owner.labels | {names.UID: run.uid} if removed else {},
    )


def _probe(check: HealthCheck) -> Probe:
    return Probe(
        command=tuple(check.command),
        interval=seconds(check.interval),
        timeout=seconds(check.timeout),
        retries=check.retries,
        start_period=seconds(check.start_period),
    )
