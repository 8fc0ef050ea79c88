"""What travels in the messages of exec, attach and port-forward: a byte for the channel, then its payload. Pure.

Spoken over WebSockets by the client, passed on unread by the control plane, answered by the agent. docs/rest.md shows
it to users. Every message is binary, at most MAX_MESSAGE bytes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec

from taskyard.prepare import prepare

MAX_MESSAGE = 1 << 20
PIECE = 65_536
"""Bytes of data that a message has at most, as we send them."""


class Channel(IntEnum):
    STDIN = 0
    """Bytes to the process, or to the port."""
    STDOUT = 1
    STDERR = 2
    END = 3
    """From the agent, last: an Ending as JSON."""
    RESIZE = 4
    """A Size as JSON."""
    SIGNAL = 5
    """The name of one, to be sent to the process: `SIGINT`."""
    EOF = 6
    """Nothing more comes in this direction."""
    OPEN = 7
    """From the client, first: what is wanted, as JSON."""


class Size(msgspec.Struct, frozen=True):
    """Of a terminal, in characters."""

    width: int
    height: int


class OpenExec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`tty`: under a terminal of `size`, output and errors in one stream."""

    command: list[str]
    stdin: bool = False
    tty: bool = False
    user: str = ""
    workdir: str = ""
    env: list[str] = []
    """`NAME=value`"""
    size: Size | None = None


class OpenAttach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stdin: bool = False
    size: Size | None = None


class OpenPort(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: int


class Ending(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How it ended: the process's exit code (None: it goes on without us), or why it could not be done."""

    exit_code: int | None = None
    kind: str = ""
    """One CamelCase word for programs, empty when nothing failed."""
    detail: str = ""


class BadMessage(ValueError):
    """The message says what is wrong."""


prepare(OpenExec, OpenAttach, OpenPort, Ending)


def message(channel: Channel, payload: bytes = b"") -> bytes:
    return bytes((channel,)) + payload


def json_message(channel: Channel, value: Any) -> bytes:
    return message(channel, msgspec.json.encode(value))


def taken_apart(data: bytes | str) -> tuple[Channel, bytes]:
    """Raises BadMessage."""
    if not isinstance(data, bytes) or not data:
        raise BadMessage("a message has to be binary, and to begin with the number of its channel")
    try:
        return Channel(data[0]), data[1:]
    except ValueError:
        raise BadMessage(f"there is no channel {data[0]}") from None
