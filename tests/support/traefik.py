"""A stock Traefik that reads its configuration from etcd, where the control plane publishes services."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.etcd_server import free_ports

TRAEFIK = Path(sys.prefix) / "bin" / "traefik"


@contextmanager
def traefik(etcd: str, root: str, folder: Path) -> Iterator[str]:
    """The URL of its entry point `web`. Its log is `traefik.log` in the folder."""
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    command = [
        str(TRAEFIK),
        *(f"--providers.etcd.endpoints={etcd}", f"--providers.etcd.rootkey={root}"),
        *(f"--entrypoints.web.address={bind}", "--log.level=INFO"),
        *("--global.checknewversion=false", "--global.sendanonymoususage=false"),
    ]
    with (folder / "traefik.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"http://{bind}/"
    finally:
        process.terminate()
        process.wait(20)


def page(url: str, host: str) -> str:
    """What a browser would see that asks for this host, or what became of the question."""
    request = urllib.request.Request(url, headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode().strip())
    except OSError as error:
        return str(error)
