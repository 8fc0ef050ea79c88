"""What Docker Engine says and is told, as structs with only the fields that matter here. Used by docker*.py alone.

The names are the Engine API's own (version 1.41, https://docs.docker.com/engine/api/v1.41/); others are dropped.
"""

from __future__ import annotations

import msgspec

from taskyard.prepare import prepare


class _Body(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    pass


class PortBinding(_Body, frozen=True, kw_only=True):
    host_port: str = ""
    host_ip: str = msgspec.field(default="", name="HostIp")


class Empty(msgspec.Struct, frozen=True):
    pass


class TmpfsOptions(_Body, frozen=True, kw_only=True):
    """`mode`: permission bits."""

    mode: int
    size_bytes: int = 0


class MountBody(_Body, frozen=True, kw_only=True):
    type: str
    target: str
    source: str = ""
    read_only: bool = False
    tmpfs_options: TmpfsOptions | None = None


class LogConfig(_Body, frozen=True, kw_only=True):
    type: str
    config: dict[str, str]


class RestartPolicy(_Body, frozen=True, kw_only=True):
    name: str


class UlimitBody(_Body, frozen=True, kw_only=True):
    name: str
    soft: int
    hard: int


class DeviceRate(_Body, frozen=True, kw_only=True):
    path: str
    rate: int


class DeviceMapping(_Body, frozen=True, kw_only=True):
    path_on_host: str
    path_in_container: str
    cgroup_permissions: str = msgspec.field(name="CgroupPermissions")


class HostConfig(_Body, frozen=True, kw_only=True):
    restart_policy: RestartPolicy
    log_config: LogConfig
    security_opt: list[str]
    port_bindings: dict[str, list[PortBinding]] = {}
    mounts: list[MountBody] = []
    devices: list[DeviceMapping] = []
    cap_drop: list[str] = []
    cap_add: list[str] = []
    readonly_rootfs: bool = False
    nano_cpus: int = 0
    cpu_shares: int = 0
    memory: int = 0
    memory_swap: int = 0
    memory_reservation: int = 0
    pids_limit: int = 0
    blkio_weight: int = 0
    blkio_device_read_bps: list[DeviceRate] = []
    blkio_device_write_bps: list[DeviceRate] = []
    read_ops: list[DeviceRate] = msgspec.field(default_factory=list, name="BlkioDeviceReadIOps")
    write_ops: list[DeviceRate] = msgspec.field(default_factory=list, name="BlkioDeviceWriteIOps")
    init: bool = False
    shm_size: int = 0
    ulimits: list[UlimitBody] = []
    sysctls: dict[str, str] = {}
    network_mode: str = ""
    dns: list[str] = []
    dns_search: list[str] = []
    dns_options: list[str] = []
    extra_hosts: list[str] = []


class Healthcheck(_Body, frozen=True, kw_only=True):
    """Times in nanoseconds."""

    test: list[str]
    interval: int
    timeout: int
    retries: int
    start_period: int = 0


class Endpoint(_Body, frozen=True, kw_only=True):
    """Of a container on a network: what it is called there, and its address once it runs."""

    aliases: list[str] | None = None
    ip_address: str = msgspec.field(default="", name="IPAddress")


class NetworkingConfig(_Body, frozen=True, kw_only=True):
    endpoints_config: dict[str, Endpoint]


class CreateBody(_Body, frozen=True, kw_only=True):
    image: str
    labels: dict[str, str]
    env: list[str]
    host_config: HostConfig
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    working_dir: str = ""
    user: str = ""
    hostname: str = ""
    tty: bool = False
    exposed_ports: dict[str, Empty] = {}
    stop_signal: str = ""
    stop_timeout: int | None = None
    healthcheck: Healthcheck | None = None
    networking_config: NetworkingConfig | None = None


class Created(_Body, frozen=True, kw_only=True):
    id: str
    warnings: list[str] | None = None


class Info(_Body, frozen=True, kw_only=True):
    """`docker_root_dir`: where the engine keeps its containers, on its own host."""

    cores: int = msgspec.field(name="NCPU")
    docker_root_dir: str = ""


class GraphDriver(_Body, frozen=True, kw_only=True):
    data: dict[str, str] | None = None


class Folders(_Body, frozen=True, kw_only=True):
    """Of an inspect, where on the engine's host the container writes."""

    log_path: str = ""
    graph_driver: GraphDriver | None = None


class Health(_Body, frozen=True, kw_only=True):
    status: str = ""


class State(_Body, frozen=True, kw_only=True):
    status: str
    exit_code: int = 0
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")
    started_at: str = ""
    finished_at: str = ""
    pid: int = 0
    error: str = ""
    health: Health | None = None


class Config(_Body, frozen=True, kw_only=True):
    image: str = ""
    labels: dict[str, str] | None = None
    stop_signal: str = ""
    stop_timeout: int | None = None


class NetworkSettings(_Body, frozen=True, kw_only=True):
    networks: dict[str, Endpoint] | None = None
    ports: dict[str, list[PortBinding] | None] | None = None


class NetworkOf(_Body, frozen=True, kw_only=True):
    """`network_mode`: `container:` and a name, where it is that one's."""

    network_mode: str = ""


class Inspected(_Body, frozen=True, kw_only=True):
    id: str
    name: str
    state: State
    config: Config
    host_config: NetworkOf = NetworkOf()
    network_settings: NetworkSettings = NetworkSettings()


class Listed(_Body, frozen=True, kw_only=True):
    """`status` is for people: `Up 2 minutes (unhealthy)`."""

    id: str
    names: list[str] | None = None
    labels: dict[str, str] | None = None
    state: str = ""
    status: str = ""


class ListedVolume(_Body, frozen=True, kw_only=True):
    name: str
    labels: dict[str, str] | None = None


class Volumes(_Body, frozen=True, kw_only=True):
    volumes: list[ListedVolume] | None = None


class ListedNetwork(_Body, frozen=True, kw_only=True):
    id: str
    name: str


class Actor(_Body, frozen=True, kw_only=True):
    id: str = msgspec.field(default="", name="ID")
    attributes: dict[str, str] = {}


class EventMessage(_Body, frozen=True, kw_only=True):
    action: str = ""
    actor: Actor = Actor()
    time_nano: int = msgspec.field(default=0, name="timeNano")


class Version(_Body, frozen=True, kw_only=True):
    version: str
    os: str = "linux"
    arch: str = ""
    """As Go spells it: `amd64`."""


class InspectedImage(_Body, frozen=True, kw_only=True):
    """`repo_digests`: `repository@sha256:…`, one for each repository that it was pulled from or pushed to."""

    repo_digests: list[str] | None = None
    os: str = ""
    architecture: str = ""


class ProgressDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of one layer."""

    current: int = 0
    total: int = 0


class PullLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of progress, about the layer `id`; `error` ends a pull that had begun, `message` is why it could not
    begin."""

    error: str = ""
    message: str = ""
    status: str = ""
    id: str = ""
    progress_detail: ProgressDetail = msgspec.field(default=ProgressDetail(), name="progressDetail")


prepare(
    Created, Folders, Info, Inspected, InspectedImage, Listed, EventMessage, Version, ListedNetwork, PullLine, Volumes
)
