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
from nodeagent.runtime.docker_pull_words import refusal
from nodeagent.runtime.docker_wire import PullLine
from nodeagent.runtime.port import Login, RuntimeRefused, RuntimeUnavailable, Transferred, nobody


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

    def run(self, login: Login | None = None, told: Callable[[Transferred], None] = nobody) -> None:
        self._go_on()
        with translated(f"pull {self._image}"), self._begin(login) as answer:
            with self._lock:
                self._answer = answer
            self._go_on()
            failure = _follow(answer, told)
        self._go_on()
        if failure:
            raise refusal(self._image, login, failure)
        if answer.status_code >= 400:
            raise RuntimeRefused(f"Docker answered {answer.status_code}")

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

    def _begin(self, login: Login | None) -> requests.Response:
        client = self._client()
        repository, tag = parse_repository_tag(self._image)
        # The SDK's own pull waits for ever on a registry that stops sending.
        return client.post(
            f"{client.base_url}/v{client.api_version}/images/create",
            params={"fromImage": repository, "tag": tag or "latest"},
            headers=_credentials(client, repository, login),
            stream=True,
            timeout=self._silence,
        )


def _credentials(client: docker.APIClient, repository: str, login: Login | None) -> dict[str, str | bytes]:
    if login is not None:
        given = {"username": login.username, "password": login.password, "serveraddress": login.registry}
        return {"X-Registry-Auth": auth.encode_header(given)}
    registry, _ = auth.resolve_repository_name(repository)
    own = auth.get_config_header(client, registry)
    return {"X-Registry-Auth": own} if own else {}


def _follow(answer: requests.Response, told: Callable[[Transferred], None]) -> str:
    """To its end; why it failed, if it did."""
    layers: dict[str, Transferred] = {}
    for text in answer.iter_lines():
        if not text:
            continue
        line = msgspec.json.decode(text, type=PullLine)
        if line.error or line.message:
            return line.error or line.message
        known = layers.get(line.id)
        if line.status == "Downloading" and line.progress_detail.total > 0:
            layers[line.id] = Transferred(line.progress_detail.current, line.progress_detail.total)
        elif line.status == "Download complete" and known:
            layers[line.id] = Transferred(known.total, known.total)
        else:
            continue
        told(Transferred(sum(one.done for one in layers.values()), sum(one.total for one in layers.values())))
    return ""
