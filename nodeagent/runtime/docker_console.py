"""What people ask about the inside of a container, answered by Docker Engine as streams. Used by nodeagent/api."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from nodeagent.runtime.console import LogOptions
from nodeagent.runtime.docker_engine import Engine
from nodeagent.runtime.docker_frames import Demultiplexer
from taskyard.exchange import Exchange
from taskyard.prepare import prepare


class _Config(msgspec.Struct, frozen=True, rename="pascal"):
    tty: bool = False


class _State(msgspec.Struct, frozen=True, rename="pascal"):
    pid: int = 0


class Looked(msgspec.Struct, frozen=True, rename="pascal"):
    """A container as Docker tells it, with only what matters here."""

    id: str
    config: _Config
    state: _State


prepare(Looked)


class Output:
    """What a container wrote. `close` it in any case."""

    def __init__(self, answer: Exchange, *, tty: bool) -> None:
        self._answer = answer
        self._tty = tty

    async def pieces(self) -> AsyncIterator[bytes]:
        if self._tty:
            async for piece in self._answer.pieces():
                yield piece
            return
        demultiplexer = Demultiplexer()
        async for piece in self._answer.pieces():
            if payload := demultiplexer.payloads(piece):
                yield payload

    def close(self) -> None:
        self._answer.close()


class DockerConsole:
    """Every call raises RuntimeRefused with Docker's reason, or RuntimeUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def inspect(self, container: str) -> bytes:
        """All that Docker says of it, as JSON."""
        return await self._engine.whole("GET", f"/containers/{container}/json")

    async def look(self, container: str) -> Looked:
        return msgspec.json.decode(await self.inspect(container), type=Looked)

    async def logs(self, container: str, options: LogOptions) -> Output:
        tty = (await self.look(container)).config.tty
        query = {
            "stdout": "1",
            "stderr": "1",
            "follow": str(int(options.follow)),
            "timestamps": str(int(options.timestamps)),
            "tail": "all" if options.tail is None else str(options.tail),
            **({"since": f"{options.since:.9f}"} if options.since else {}),
        }
        return Output(await self._engine.request("GET", f"/containers/{container}/logs", query), tty=tty)
