"""A command in a container that somebody waits for, such as a hook or a check: its exit code, and nothing it prints.

Docker is asked whether it has ended. Podman never tells that of one that nobody is attached to (seen on 4.3.1), so
there its output is read until that ends. Called by docker.py.
"""

from __future__ import annotations

import os
import select
import time
from typing import Any

import docker

_FIRST_LOOK = 0.01
"""Seconds from its start to the first look whether it has ended; each next pause is twice as long, up to the last."""
_LONGEST_PAUSE = 0.5
_PIECE = 65_536


def run_command(
    client: docker.APIClient, container: str, command: tuple[str, ...], timeout: float, *, attached: bool
) -> int | None:
    """None when it runs on after `timeout` seconds. Raises what the SDK raises."""
    deadline, pause = time.monotonic() + timeout, _FIRST_LOOK
    made = client.exec_create(container, list(command), stdout=attached, stderr=False)
    if attached:
        _read_out(client, made["Id"], deadline)
    else:
        client.exec_start(made["Id"], detach=True)
    # Asked over and over: Docker's stream of one that is attached to lasts as long as any child that has its output,
    # and an event would need a stream for each command, which only the engine's own clock ends in time.
    while (found := client.exec_inspect(made["Id"]))["Running"]:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
    return int(found["ExitCode"])


def _read_out(client: docker.APIClient, ident: str, deadline: float) -> None:
    """Until its output ends, or the deadline."""
    stream: Any = client.exec_start(ident, socket=True)
    try:
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([stream], [], [], left)
            if ready and not os.read(stream.fileno(), _PIECE):
                return
    finally:
        stream.close()
