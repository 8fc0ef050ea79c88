"""Who comes in, and how many: what every route of the agent's API that looks into containers begins with."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import falcon
import falcon.asgi

from nodeagent.names import CONTAINER, MAIN
from nodeagent.runtime.port import ContainerInfo, RuntimeRefused, RuntimeUnavailable
from nodeagent.situation import Container

T = TypeVar("T")
Receive = Callable[[], Awaitable[Mapping[str, object]]]

RECEIVE = "taskyard.receive"
"""Where server.py leaves ASGI's `receive`: Falcon does not look for a client that has gone while a stream is silent."""
_MAX_STREAMS = 300


class Pass:
    """A place among those that are open; `close` it in any case, twice does no harm."""

    def __init__(self, door: Door) -> None:
        self._door: Door | None = door

    def close(self) -> None:
        door, self._door = self._door, None
        if door:
            door.left()


class Door:
    """`containers` gives a task's containers, oldest run first; `token` is what the caller has to present."""

    def __init__(self, containers: Callable[[str], tuple[Container, ...]], token: str) -> None:
        self._containers = containers
        self._token = token
        self._open = 0

    def check(self, req: falcon.asgi.Request) -> None:
        if not hmac.compare_digest((req.auth or "").encode(), f"Bearer {self._token}".encode()):
            raise falcon.HTTPUnauthorized(description="present the token of the node's lease")

    def enter(self) -> Pass:
        if self._open >= _MAX_STREAMS:
            raise falcon.HTTPServiceUnavailable(description=f"{_MAX_STREAMS} streams are open already")
        self._open += 1
        return Pass(self)

    def left(self) -> None:
        self._open -= 1

    def container(self, uid: str, *, previous: bool = False, name: str = "") -> ContainerInfo:
        """The current attempt's, or the one before; never anybody else's than ours. `name`: of the init task or
        sidecar of that name; else of the task itself, or of what there is while it has none yet."""
        found = self._containers(uid)
        if name and not (found := tuple(one for one in found if one.info.labels.get(CONTAINER) == name)):
            there = sorted({each for one in self._containers(uid) if (each := one.info.labels.get(CONTAINER))})
            why = f"no init task or sidecar {name!r} of the task has a container on this node"
            why += f"; these have: {', '.join(there)}" if there else ""
            raise falcon.HTTPNotFound(description=why)
        found = tuple(one for one in found if name or one.run.step == MAIN) or found[-1:]
        if not found:
            why = "none has started yet, or those of a task that is over have been kept for long enough"
            # 410 tells this from a path or a name that is not there: while the task starts, its container may come.
            raise falcon.HTTPGone(description=f"no container of the task is on its node: {why}")
        if previous and len(found) < 2:
            raise falcon.HTTPNotFound(description="there is no earlier attempt of this task")
        return found[-2 if previous else -1].info

    async def answered(self, call: Awaitable[T]) -> T:
        """The runtime's answer, or its no as ours."""
        try:
            return await call
        except RuntimeRefused as error:
            raise falcon.HTTPNotFound(description=str(error)) from error
        except RuntimeUnavailable as error:
            raise falcon.HTTPServiceUnavailable(description=str(error)) from error
