"""Images on a host's Docker, put there and taken away past everything of ours, and a registry to pull them from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from chaos.daemon import Daemon, Record
from chaos.host import Host

REGISTRY = "127.0.0.1:5000"
"""On each host its own: Docker trusts the loopback without TLS."""
_CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}, delete: {{enabled: true}}}}
http: {{addr: {address}, secret: test}}
"""


def tag(host: Host, image: str, new: str) -> None:
    repository, _, name = new.rpartition(":")
    with host.docker() as client:
        assert client.tag(image, repository, name)


def untag(host: Host, image: str) -> None:
    """The image itself stays for as long as it has another name."""
    with host.docker() as client:
        client.remove_image(image)


def push(host: Host, image: str) -> None:
    with host.docker() as client:
        answer = str(client.push(image))
    assert '"error"' not in answer, answer


@contextmanager
def registry_on(host: Host) -> Iterator[Daemon]:
    folder = host.folder / "registry"
    folder.mkdir()
    config = folder / "config.yml"
    config.write_text(_CONFIG.format(folder=folder, address=REGISTRY))
    daemon = Daemon(
        f"registry on {host.name}",
        lambda: host.namespace.inside("docker-registry", "serve", str(config)),
        log=folder / "log",
        record=Record(folder.parent.parent / "processes"),
        ready=lambda: _answers(host),
    )
    daemon.start()
    try:
        daemon.wait_ready()
        yield daemon
    finally:
        daemon.kill()
        shutil.rmtree(folder)


def _answers(host: Host) -> bool:
    address, _, port = REGISTRY.partition(":")
    try:
        host.namespace.connect(address, int(port), 2.0).close()
    except OSError:
        return False
    return True
