"""A real image registry on 127.0.0.1, which Docker trusts without TLS, behind a relay that can slow it down."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import urllib3

from tests.support.etcd_server import free_ports
from tests.support.relay import Relay
from tests.support.waiting import until

_CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}, delete: {{enabled: true}}}}
http: {{addr: 127.0.0.1:{port}, secret: test}}
"""


class Registry:
    """`host` is the first part of its images' names."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.host = relay.endpoint

    def push(self, docker_host: str, name: str, megabytes: int) -> str:
        """An image that is large and cannot be compressed, and that Docker has not kept; returns its full name."""
        image = f"{self.host}/{name}"
        client = docker.APIClient(docker_host, version="auto")
        repository, _, tag = image.rpartition(":")
        client.import_image_from_data(_tar(megabytes), repository=repository, tag=tag, changes=['CMD ["/sh"]'])
        answer = str(client.push(image))
        client.remove_image(image)
        client.close()
        assert '"error"' not in answer, answer
        return image


@contextmanager
def running_registry(folder: Path) -> Iterator[Registry]:
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    config = folder / "config.yml"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=subprocess.STDOUT)
    try:
        until(lambda: _answers(port))
        with Relay(f"127.0.0.1:{port}") as relay:
            yield Registry(relay)
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/v2/", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _tar(megabytes: int) -> bytes:
    content = os.urandom(megabytes * 2**20)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("noise")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
