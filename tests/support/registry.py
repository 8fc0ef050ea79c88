"""A real image registry on 127.0.0.1, which Docker trusts without TLS, behind a relay that can slow it down.

With `private=True` it gives images to USER alone.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
_AUTH = "auth: {{htpasswd: {{realm: test, path: {folder}/users}}}}\n"
USER, PASSWORD = "puller", "s3cr3t-pull"
_USERS = f"{USER}:$2y$05$abcdefghijklmnopqrstuuZhp1HF2mRbZQA2a6VjUXjgykQcun/Su\n"
"""With the password hashed by bcrypt, as htpasswd does it."""
_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
_OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
"""As Podman pushes it."""
_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Registry:
    """`host` is the first part of its images' names."""

    def __init__(self, relay: Relay, log: Path) -> None:
        self.relay = relay
        self._log = log
        self.host = relay.endpoint

    def push(self, docker_host: str, name: str, megabytes: int) -> str:
        """An image that is large and cannot be compressed, and that Docker has not kept; returns its full name."""
        image = f"{self.host}/{name}"
        client = docker.APIClient(docker_host, version="auto")
        # The tag with the name: Podman does not look at `tag`.
        client.import_image_from_data(_tar(megabytes), repository=image, changes=['CMD ["/sh"]'])
        answer = str(client.push(image, auth_config={"username": USER, "password": PASSWORD}))
        client.remove_image(image)
        client.close()
        assert '"error"' not in answer, answer
        return image

    def push_variant(self, docker_host: str, name: str, variant: str) -> tuple[str, str]:
        """The demo image with a variable VARIANT, under a tag that may have stood for another; Docker does not keep it.
        Returns its full name and its digest here."""
        image = f"{self.host}/{name}"
        repository, _, tag = image.rpartition(":")
        with closing(docker.APIClient(docker_host, version="auto")) as client:
            container = client.create_container("busybox:1.35")
            client.commit(container, repository=repository, tag=tag, changes=[f"ENV VARIANT={variant}"])
            client.remove_container(container)
            answer = str(client.push(image, auth_config={"username": USER, "password": PASSWORD}))
            assert '"error"' not in answer, answer
            client.remove_image(image)
        return image, self.digest(name)

    def digest(self, name: str) -> str:
        """That of a public image, as it is here."""
        repository, _, tag = name.partition(":")
        address = f"http://{self.host}/v2/{repository}/manifests/{tag}"
        answer = urllib3.request("HEAD", address, headers={"Accept": f"{_IMAGE}, {_OCI_IMAGE}"}, timeout=10)
        return answer.headers["Docker-Content-Digest"]

    def put_foreign(self, name: str, *, index: bool) -> str:
        """An image that is for linux/s390x alone, by itself or as the only one of an index; returns its full name."""
        repository, _, tag = name.partition(":")
        archive = _tar(0)
        layer = self._blob(repository, gzip.compress(archive))
        rootfs = {"type": "layers", "diff_ids": [_digest(archive)]}
        platform = {"architecture": "s390x", "os": "linux"}
        config = self._blob(repository, json.dumps(platform | {"config": {"Cmd": ["/sh"]}, "rootfs": rootfs}).encode())
        manifest = {"schemaVersion": 2, "mediaType": _IMAGE, "config": {"mediaType": _CONFIG_TYPE} | config}
        manifest["layers"] = [{"mediaType": _LAYER} | layer]
        made = self._manifest(repository, "image" if index else tag, _IMAGE, manifest)
        if index:
            entry = {"mediaType": _IMAGE, "platform": platform} | made
            self._manifest(repository, tag, _INDEX, {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [entry]})
        return f"{self.host}/{name}"

    def asked_for(self) -> set[str]:
        """The repositories of which somebody has begun to fetch an image."""
        return set(re.findall(r'"GET /v2/(\S+)/manifests/', self._log.read_text()))

    def _blob(self, repository: str, content: bytes) -> dict[str, str | int]:
        begun = urllib3.request("POST", f"http://{self.host}/v2/{repository}/blobs/uploads/", timeout=10)
        place = begun.headers["Location"]
        place = place if place.startswith("http") else f"http://{self.host}{place}"
        digest = _digest(content)
        answer = urllib3.request(
            "PUT",
            f"{place}&digest={digest}",
            body=content,
            headers={"Content-Type": "application/octet-stream"},
            timeout=10,
        )
        assert answer.status == 201, answer.data
        return {"digest": digest, "size": len(content)}

    def _manifest(self, repository: str, tag: str, kind: str, value: object) -> dict[str, str | int]:
        content = json.dumps(value).encode()
        address = f"http://{self.host}/v2/{repository}/manifests/{tag}"
        answer = urllib3.request("PUT", address, body=content, headers={"Content-Type": kind}, timeout=10)
        assert answer.status == 201, answer.data
        return {"digest": _digest(content), "size": len(content)}


@contextmanager
def running_registry(folder: Path, *, private: bool = False) -> Iterator[Registry]:
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    config = folder / "config.yml"
    config.write_text((_CONFIG + (_AUTH if private else "")).format(folder=folder, port=port))
    (folder / "users").write_text(_USERS)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=subprocess.STDOUT)
    try:
        until(lambda: _answers(port))
        with Relay(f"127.0.0.1:{port}") as relay:
            yield Registry(relay, folder / "log")
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/v2/", retries=False, timeout=2).status in (200, 401)
    except urllib3.exceptions.HTTPError:
        return False


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _tar(megabytes: int) -> bytes:
    content = os.urandom(megabytes * 2**20)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("noise")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
