"""What Docker, its SDK and the connection raise → the port's errors. Called by docker*.py alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3
from docker.errors import APIError, DockerException

from nodeagent.runtime.port import RuntimeFault, RuntimeRefused, RuntimeUnavailable

_PASSING = ("containerd", "context deadline exceeded", "transport is closing", "connection refused", "shutting down")
"""Words of an answer 500 that come from an engine in trouble, not from a container that cannot work."""

_PORT_TAKEN = re.compile(
    r"listen (?:tcp|udp|sctp)[46]? \S*:(?P<bound>\d+): bind: address already in use"
    r"|Bind for \S*:(?P<held>\d+) failed: port is already allocated"
)
"""Docker's sentence begins with the container's name and id, and ends with what matters."""
_NO_SUCH_ADDRESS = re.compile(
    r"listen (?:tcp|udp|sctp)[46]? (?P<address>\S+):\d+: bind: cannot assign requested address"
)
_LAYERS = re.compile(r"^(?:failed to create (?:shim )?task: )?OCI runtime create failed: (?:runc create failed: )?")
"""What Docker puts before the runtime's own words, which end with a class of error that it did not know."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """`doing` names the call in messages: `create ty-…`."""
    try:
        yield
    except RuntimeFault:
        raise
    except APIError as error:
        message = explanation(error)
        status = error.status_code or 500
        if status == 503 or (status >= 500 and any(word in message for word in _PASSING)):
            raise RuntimeUnavailable(f"{doing}: Docker answered {status}: {message}") from error
        raise RuntimeRefused(message) from error
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise RuntimeUnavailable(f"{doing}: Docker does not answer: {error}") from error


def explanation(error: APIError) -> str:
    """The same words each time for the same fault: equal events are counted instead of listed."""
    said = str(error.explanation or error).strip()
    if taken := _PORT_TAKEN.search(said):
        return f"host port {taken['bound'] or taken['held']} is already in use on the node"
    if elsewhere := _NO_SUCH_ADDRESS.search(said):
        return f"no port can be published on {elsewhere['address']}, which is no address of this node"
    return _LAYERS.sub("", said).removesuffix(": unknown") if _LAYERS.match(said) else said


def is_name_taken(error: APIError) -> bool:
    """Docker answers 409; Podman 500, and says so in words."""
    said = explanation(error)
    return is_status(error, 409) or (is_status(error, 500) and "name" in said and "already in use" in said)


def is_not_running(error: APIError) -> bool:
    """Of a signal. Docker answers 409; Podman 500, likewise."""
    return is_status(error, 409) or (is_status(error, 500) and "container state improper" in explanation(error))


def is_status(error: APIError, *statuses: int) -> bool:
    return error.status_code in statuses
