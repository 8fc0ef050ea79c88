"""A conversation with a process or a port of a task, over a WebSocket. Errors are those of taskyard/client/errors.py.

Any thread may send while another receives. What the channels mean is taskyard/channels.py's.
"""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from taskyard import __version__
from taskyard.channels import MAX_MESSAGE, BadMessage, Channel, Ending, message, taken_apart
from taskyard.client.errors import BadAnswer, Problem, ServerUnreachable, refusal

_STATUS = {"NotFound": 404, "NoContainer": 409, "NotRunning": 409, "Ambiguous": 409, "Invalid": 400, "Refused": 409}


class Console:
    """Opened by `taskyard.client.api.Client`; `with` closes it."""

    def __init__(self, connection: ClientConnection, url: str) -> None:
        self._connection = connection
        self._url = url

    def __enter__(self) -> Console:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """From any thread; a `receive` that waits ends."""
        with suppress(WebSocketException, OSError):
            self._connection.close()

    def send(self, channel: Channel, payload: bytes = b"") -> bool:
        """Waits while the other side does not take more. False when the conversation is over."""
        try:
            self._connection.send(message(channel, payload))
        except (ConnectionClosed, OSError):
            return False
        return True

    def send_json(self, channel: Channel, value: Any) -> bool:
        return self.send(channel, msgspec.json.encode(value))

    def receive(self) -> tuple[Channel, bytes]:
        """The next message but the last. Raises Ended, ServerUnreachable, RequestRefused."""
        try:
            channel, payload = taken_apart(self._connection.recv())
        except (ConnectionClosed, OSError) as error:
            raise ServerUnreachable(f"the connection to {self._url} broke: {error}", sent=True) from error
        except BadMessage as error:
            raise BadAnswer(f"{self._url}: {error}") from error
        if channel is Channel.END:
            raise _ended(payload)
        return channel, payload


class Ended(Exception):
    """It is over as it should be. `exit_code` is the process's; None when it goes on without us, or was none."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(f"ended with {exit_code}")
        self.exit_code = exit_code


def open_console(url: str, opening: Any, connect_timeout: float) -> Console:
    """`url` is http(s); `opening` is what is wanted, as a struct of taskyard/channels.py."""
    target = "ws" + url.removeprefix("http")
    try:
        connection = connect(
            target,
            compression=None,
            proxy=None,
            open_timeout=connect_timeout,
            ping_interval=20,
            ping_timeout=None,
            close_timeout=2,
            max_size=MAX_MESSAGE + 1,
            user_agent_header=f"taskyard/{__version__}",
        )
    except InvalidStatus as error:
        said = error.response.body.decode(errors="replace").strip() if error.response.body else ""
        detail = said or f"{url} answered {error.response.status_code}"
        raise refusal(Problem(status=error.response.status_code, detail=detail)) from error
    except (OSError, TimeoutError) as error:
        # As for any other request: the server, and not what was asked of it.
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.netloc}"
        raise ServerUnreachable(f"cannot reach the server at {where}: {error.strerror or error}") from error
    except InvalidHandshake as error:
        raise BadAnswer(f"{url} does not speak WebSocket: {error}") from error
    console = Console(connection, url)
    # A server that has said no may have closed already; then its reason is what is received.
    console.send_json(Channel.OPEN, opening)
    return console


def _ended(payload: bytes) -> Exception:
    try:
        ending = msgspec.json.decode(payload, type=Ending)
    except msgspec.DecodeError as error:
        return BadAnswer(f"the last message is not understood: {error}")
    if ending.kind:
        status = _STATUS.get(ending.kind, 503)
        return refusal(Problem(type=f"urn:taskyard:problem:{ending.kind}", status=status, detail=ending.detail))
    return Ended(ending.exit_code)
