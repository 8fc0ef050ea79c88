"""What an engine says of itself in the headers of its shortest answer: its name, its version and the API it speaks.

`/version` tells the same, but Podman starts helpers for it at each call and needs 1 to 6 s on a busy machine, which is
more than a probe every few seconds can wait. Called by docker.py.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from nodeagent.runtime.docker_calls import refusal
from nodeagent.runtime.docker_connections import Connections
from nodeagent.runtime.port import RuntimeUnavailable

_NAMES = {"libpod": "podman"}


@dataclass(frozen=True, slots=True)
class Greeting:
    """`engine` as `docker 20.10.24`; `api` as `1.41`. Both are empty until there has been one."""

    engine: str = ""
    api: str = ""

    @property
    def is_podman(self) -> bool:
        return self.engine.startswith("podman")


def ping(host: str | None, timeout: float) -> Greeting:
    """Raises APIError, RuntimeUnavailable where no engine of that kind is, and OSError."""
    with closing(Connections(host, kept=1)) as connections:
        answer = connections.request("GET", "/_ping", timeout=timeout)
    if answer.status >= 400:
        raise refusal(answer, "/_ping")
    api = answer.headers.get("api-version", "")
    if not api:
        raise RuntimeUnavailable(f"what answers at {host or 'the default socket'} is no Docker Engine")
    name, _, rest = answer.headers.get("server", "").partition("/")
    kind = name.lower() or "docker"
    return Greeting(f"{_NAMES.get(kind, kind)} {rest.partition(' ')[0] or f'(API {api})'}", api)
