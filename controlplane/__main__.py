"""`python -m controlplane`, which `taskyard controlplane` becomes: flags and environment in, a control plane out."""

from __future__ import annotations

import os
import signal
import threading

import click

from controlplane import log_lines
from controlplane.app import CannotRun, ControlPlane
from taskyard.config import ConfigError, load
from taskyard.endings import heed


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--host",
    metavar="ADDRESS",
    help="Where the API listens. Default: TASKYARD_HOST or 127.0.0.1. There is no authentication.",
)
@click.option("--port", type=int, metavar="N", help="Default: TASKYARD_PORT or 8080; 0 picks a free one.")
@click.option(
    "--etcd",
    metavar="ENDPOINTS",
    help="etcd endpoints, host:port, with commas. Default: TASKYARD_ETCD or 127.0.0.1:2379.",
)
@click.option(
    "--roles", metavar="NAMES", help="What this process does: api, scheduler, controllers, with commas. Default: all."
)
@click.option("--manifests", metavar="DIR", help="A folder to watch: its manifests are applied, and removed with it.")
@click.option(
    "--allowed-hosts", metavar="NAMES", help="Names by which the API may be called besides localhost, with commas."
)
@click.option(
    "--strategy", metavar="NAME", help="For tasks that name none: spread (default) over the nodes, or binpack."
)
@click.option("--publish-dns", metavar="ZONE", help="Publish services in etcd for CoreDNS, under this zone.")
@click.option("--publish-traefik", metavar="KEY", help="Publish services in etcd for Traefik, under this root key.")
@click.option("--history", metavar="DURATION", help="How much of etcd's history is kept. Default: 24h.")
@click.option(
    "--history-size", metavar="SIZE", help="Less of it while more of etcd's database is in use. Default: 1Gi."
)
@click.option(
    "--ttl-after-finish",
    metavar="DURATION",
    help="Tasks and jobs that have ended are deleted after that, or never. Default: 168h.",
)
@click.option("--keep-finished", metavar="N", help="Of those so many are kept in a namespace. Default: 1000.")
@click.option("--config", metavar="FILE", help="A TOML file with settings. Default: TASKYARD_CONFIG.")
@click.option("--access-log", is_flag=True, help="Log each request.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is told.",
)
def main(
    host: str | None,
    port: int | None,
    etcd: str | None,
    roles: str | None,
    manifests: str | None,
    allowed_hosts: str | None,
    strategy: str | None,
    publish_dns: str | None,
    publish_traefik: str | None,
    history: str | None,
    history_size: str | None,
    ttl_after_finish: str | None,
    keep_finished: str | None,
    config: str | None,
    access_log: bool,
    log_level: str,
) -> None:
    """Runs a control plane: the API, the scheduler and the controllers, until SIGTERM. Containers go on without it.

    \b
      taskyard controlplane --etcd e1:2379,e2:2379,e3:2379
      taskyard controlplane --manifests manifests/            and applies what is saved in that folder
    """
    log_lines.set_up(log_level)
    flags = {
        "host": host,
        "port": port,
        "etcd": etcd,
        "roles": roles,
        "manifests": manifests,
        "allowed_hosts": allowed_hosts,
        "strategy": strategy,
        "publish_dns": publish_dns,
        "publish_traefik": publish_traefik,
        "history": history,
        "history_size": history_size,
        "ttl_after_finish": ttl_after_finish,
        "keep_finished": keep_finished,
    }
    try:
        settings = load(flags, os.environ, config)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    stop = threading.Event()
    heed((signal.SIGTERM, signal.SIGINT), lambda _: stop.set())
    try:
        ControlPlane(settings, access_log=access_log, failpoints=os.environ.get("TASKYARD_FAILPOINTS", "")).run(stop)
    except CannotRun as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main(prog_name="taskyard controlplane")
