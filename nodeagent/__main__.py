"""`python -m nodeagent`, which `taskyard agent` starts: flags and environment in, a running agent or an error out."""

from __future__ import annotations

import logging
import os
import signal
import socket
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from nodeagent import app
from nodeagent.allowance import Allowance
from nodeagent.devices import Device
from nodeagent.emptying import Stops
from nodeagent.host import FolderTaken
from taskyard.config import ConfigError, load
from taskyard.endings import heed
from taskyard.local_agent import DATA_DIR
from taskyard.node_name import of_host
from taskyard.objects import LONGEST_LEASE


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--node",
    metavar="NAME",
    help="This node's name in the cluster. Default: TASKYARD_NODE, or the host's in lower case.",
)
@click.option(
    "--etcd",
    metavar="ENDPOINTS",
    help="etcd endpoints, host:port, with commas. Default: TASKYARD_ETCD or 127.0.0.1:2379.",
)
@click.option("--config", metavar="FILE", help="A TOML file with settings. Default: TASKYARD_CONFIG.")
@click.option(
    "--cluster", metavar="NAME", default="default", show_default=True, help="Tells clusters that share a Docker apart."
)
@click.option(
    "--docker-host",
    metavar="URL",
    envvar="DOCKER_HOST",
    default="",
    help="As in DOCKER_HOST. Default: the local engine.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DATA_DIR,
    show_default=True,
    help="Keeps this host's identity.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:0",
    show_default=True,
    help="Where the agent's own API (logs) listens.",
)
@click.option(
    "--advertise",
    metavar="HOST:PORT",
    default="",
    help="Where the control plane reaches that API. Default: as it listens.",
)
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label of the node; repeatable.")
@click.option(
    "--resource",
    "resources",
    multiple=True,
    metavar="NAME=COUNT",
    help="Something else that tasks can ask for (resources.generic), such as gpu=2; repeatable.",
)
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME=PATH[,PATH]",
    help="One such resource, and the device files that a task gets with it, such as gpu=/dev/dri/card0; repeatable.",
)
@click.option(
    "--lease-ttl",
    type=click.FloatRange(2, LONGEST_LEASE),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="After so long without a word from it the node is taken for lost.",
)
@click.option(
    "--max-pulls",
    type=click.IntRange(min=1),
    metavar="N",
    default=3,
    show_default=True,
    help="How many images are fetched at once.",
)
@click.option(
    "--allow-capability",
    "capabilities",
    multiple=True,
    metavar="CAP",
    help="A capability that tasks here may ask for, such as NET_ADMIN; repeatable.",
)
@click.option(
    "--allow-host-path",
    "host_paths",
    multiple=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder of this machine whose contents tasks may mount; repeatable. Default: none.",
)
@click.option("--allow-host-network", "host_network", is_flag=True, help="Tasks may be on this machine's own network.")
@click.option(
    "--keep-ended",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=86_400.0,
    show_default=True,
    help="Seconds that the containers of tasks that are over are kept, for their logs; less when the disk is full.",
)
@click.option(
    "--max-clock-skew",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="Seconds by which this machine's clock and the control plane's may differ before the node says so; 0: any.",
)
@click.option(
    "--secrets-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/dev/shm/taskyard"),
    show_default=True,
    help="Where files of Secrets and Configs are: a folder on a tmpfs.",
)
@click.option(
    "--drain-on-stop",
    is_flag=True,
    help="On SIGTERM have the tasks moved to other nodes first, as on SIGUSR1. A second SIGTERM does not wait.",
)
@click.option(
    "--drain-timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=600.0,
    show_default=True,
    help="How long it may take.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is told.",
)
def main(
    node: str | None,
    etcd: str | None,
    config: str | None,
    cluster: str,
    docker_host: str,
    data_dir: Path,
    listen: str,
    advertise: str,
    labels: tuple[str, ...],
    resources: tuple[str, ...],
    devices: tuple[str, ...],
    lease_ttl: float,
    max_pulls: int,
    capabilities: tuple[str, ...],
    host_paths: tuple[Path, ...],
    host_network: bool,
    keep_ended: float,
    max_clock_skew: float,
    secrets_dir: Path,
    drain_on_stop: bool,
    drain_timeout: float,
    log_level: str,
) -> None:
    """Runs this machine's share of the cluster's tasks in Docker, until SIGTERM; its containers stay.

    \b
      taskyard agent --etcd e1:2379,e2:2379,e3:2379 --node n1 --label zone=a
      taskyard agent drain            has the one that runs here emptied, and ended

    `taskyard agent drain` on this machine, or SIGUSR1, has them moved to other nodes; it ends when none is left, or
    after --drain-timeout.
    """
    logging.basicConfig(
        level=log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        settings = load({"node": node, "etcd": etcd}, os.environ, config)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    options = app.Options(
        node=settings.node or of_host(socket.gethostname()),
        cluster=cluster,
        etcd=settings.etcd,
        docker_host=docker_host,
        data_dir=data_dir,
        listen=listen,
        advertise=advertise,
        labels=_pairs(labels),
        resources=_counts(resources),
        devices=_devices(devices, _counts(resources)),
        lease_ttl=lease_ttl,
        failpoints=os.environ.get("TASKYARD_FAILPOINTS", ""),
        max_pulls=max_pulls,
        allowance=Allowance(
            capabilities=frozenset(name.upper().removeprefix("CAP_") for name in capabilities),
            host_network=host_network,
            host_paths=tuple(str(folder.absolute()) for folder in host_paths),
        ),
        keep_ended=keep_ended,
        max_clock_skew=max_clock_skew,
        secrets_dir=secrets_dir.absolute(),
        drain_timeout=drain_timeout,
    )
    stops = Stops()
    heed(
        (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1),
        lambda caught: stops.ask(drain=drain_on_stop or caught == signal.SIGUSR1),
    )
    try:
        app.run(options, stops)
    except (app.CannotRun, FolderTaken, OSError) as error:
        click.echo(f"taskyard agent: {error}", err=True)
        _leave(1)
    _leave(0)


def _pairs(labels: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for label in labels:
        name, equals, value = label.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{label!r} is not KEY=VALUE", param_hint="--label")
        pairs[name] = value
    return pairs


def _counts(resources: tuple[str, ...]) -> dict[str, int]:
    counts = {}
    for resource in resources:
        name, _, count = resource.partition("=")
        if not name or not count.isdecimal():
            raise click.BadParameter(f"{resource!r} is not NAME=COUNT, such as gpu=2", param_hint="--resource")
        counts[name] = int(count)
    return counts


def _devices(given: tuple[str, ...], counted: Mapping[str, int]) -> tuple[Device, ...]:
    found: dict[str, Device] = {}
    for text in given:
        name, _, listed = text.partition("=")
        paths = tuple(listed.split(","))
        if not name or not all(path.startswith("/") for path in paths):
            raise click.BadParameter(f"{text!r} is not NAME=PATH, such as gpu=/dev/dri/card0", param_hint="--device")
        if name in counted:
            raise click.BadParameter(f"{name} is given with --resource as well: remove that", param_hint="--device")
        for path in paths:
            if path in found:
                raise click.BadParameter(f"{path} is given twice: each device is one task's", param_hint="--device")
            if not _is_device(path):
                raise click.BadParameter(f"{path} is no device file on this machine", param_hint="--device")
            found[path] = Device(name, paths)
    return tuple(dict.fromkeys(found.values()))


def _is_device(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def _leave(code: int) -> None:
    """Without waiting for threads that hang in a call to a Docker that does not answer."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(prog_name="taskyard agent")
