"""One pull of an image on Docker Engine, that another thread can give up. Made by docker.py.

dockerd itself ends a pull when nobody is connected to it any more.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import docker
import msgspec
import requests
from docker import auth
from docker.errors import DockerException
from docker.types.daemon import CancellableStream
from docker.utils import parse_repository_tag

from nodeagent.runtime.docker_errors import translated
from nodeagent.runtime.docker_wire import PullLine
from nodeagent.runtime.port import RuntimeRefused, RuntimeUnavailable


class DockerTransfer:
    """Implements Transfer. `silence`: seconds without a word from dockerd after which it is given up.

    A registry that does not answer at all keeps dockerd from answering: then close() takes effect with its first word.
    """

    def __init__(self, client: Callable[[], docker.APIClient], image: str, silence: float) -> None:
        self._client = client
        self._image = image
        self._silence = silence
        self._lock = threading.Lock()
        self._answer: requests.Response | None = None
        self._closed = False

    def run(self) -> None:
        self._go_on()
        with translated(f"pull {self._image}"), self._begin() as answer:
            with self._lock:
                self._answer = answer
            self._go_on()
            lines = [msgspec.json.decode(line, type=PullLine) for line in answer.iter_lines() if line]
        self._go_on()
        failures = [line.error or line.message for line in lines if line.error or line.message]
        if failures or answer.status_code >= 400:
            raise RuntimeRefused(failures[0] if failures else f"Docker answered {answer.status_code}")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            answer = self._answer
        if answer is not None:
            # The SDK reaches through three libraries for the socket, which is gone once the answer was read to its end.
            with contextlib.suppress(AttributeError, OSError, DockerException):
                CancellableStream(iter(()), answer).close()

    def _go_on(self) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeUnavailable(f"pull {self._image}: given up")

    def _begin(self) -> requests.Response:
        client = self._client()
        repository, tag = parse_repository_tag(self._image)
        registry, _ = auth.resolve_repository_name(repository)
        credentials = auth.get_config_header(client, registry)
        # The SDK's own pull waits for ever on a registry that stops sending.
        return client.post(
            f"{client.base_url}/v{client.api_version}/images/create",
            params={"fromImage": repository, "tag": tag or "latest"},
            headers={"X-Registry-Auth": credentials} if credentials else {},
            stream=True,
            timeout=self._silence,
        )
