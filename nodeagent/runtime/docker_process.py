"""A process in a container that somebody talks to: one that exec started, or the container's own.

Made by docker_console.py. Its output comes as it is read; what it is to read is taken no faster than it reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from nodeagent.runtime.docker_engine import Engine, Hijacked
from nodeagent.runtime.docker_frames import STDOUT, Demultiplexer
from nodeagent.runtime.port import RuntimeRefused
from nodeagent.runtime.processes import send_signal
from taskyard.channels import PIECE, Size
from taskyard.prepare import prepare

_END_LOOKS = 20
_END_PAUSE = 0.05
"""Its output ends a little before Docker knows its exit code, so the wait is over at the first look or soon after."""


class _Exec(msgspec.Struct, frozen=True, rename="pascal"):
    running: bool = False
    exit_code: int | None = None
    pid: int = 0


class _State(msgspec.Struct, frozen=True, rename="pascal"):
    running: bool = False
    exit_code: int = 0


class _Container(msgspec.Struct, frozen=True, rename="pascal"):
    state: _State


prepare(_Exec, _Container)


class Process(Protocol):
    def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """Stream (1 or 2) and bytes; ends with the process."""
        ...

    async def write(self, data: bytes) -> None:
        """Nothing when it reads no more."""
        ...

    async def end_input(self) -> None: ...

    async def resize(self, size: Size) -> None: ...

    async def signal(self, name: str) -> None: ...

    async def exit_code(self) -> int | None:
        """Once the output has ended; None while it runs on."""
        ...

    async def abandon(self) -> None:
        """Whoever talked to it has gone."""
        ...

    def close(self) -> None: ...


class _Talk:
    """The bytes both ways, which are the same for both kinds."""

    def __init__(self, stream: Hijacked, *, tty: bool) -> None:
        self._stream = stream
        self._tty = tty

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        demultiplexer = Demultiplexer()
        try:
            while data := await self._stream.reader.read(PIECE):
                if self._tty:
                    yield STDOUT, data
                    continue
                for stream, payload in _joined(demultiplexer.frames(data)):
                    yield stream, payload
        except ConnectionError:
            return

    async def write(self, data: bytes) -> None:
        try:
            self._stream.writer.write(data)
            await self._stream.writer.drain()
        except ConnectionError:
            return

    async def end_input(self) -> None:
        if self._stream.writer.can_write_eof() and not self._stream.writer.is_closing():
            self._stream.writer.write_eof()

    def close(self) -> None:
        self._stream.writer.close()


class ExecProcess(_Talk):
    def __init__(self, engine: Engine, container: str, ident: str, stream: Hijacked, *, tty: bool) -> None:
        super().__init__(stream, tty=tty)
        self._engine = engine
        self._container = container
        self._ident = ident

    async def resize(self, size: Size) -> None:
        await _resize(self._engine, f"/exec/{self._ident}", size)

    async def signal(self, name: str) -> None:
        """Docker has no call for that, so it goes from the host's side."""
        send_signal(self._container, (await self._look()).pid, name)

    async def exit_code(self) -> int | None:
        for _ in range(_END_LOOKS):
            found = await self._look()
            if not found.running:
                return found.exit_code
            await asyncio.sleep(_END_PAUSE)
        return None

    async def abandon(self) -> None:
        """It is told as a terminal's processes are when the line drops; Docker would let it run on for ever."""
        found = await self._look()
        if found.running:
            send_signal(self._container, found.pid, "SIGHUP")

    async def _look(self) -> _Exec:
        return msgspec.json.decode(await self._engine.whole("GET", f"/exec/{self._ident}/json"), type=_Exec)


class AttachedProcess(_Talk):
    def __init__(self, engine: Engine, container: str, stream: Hijacked, *, tty: bool) -> None:
        super().__init__(stream, tty=tty)
        self._engine = engine
        self._path = f"/containers/{container}"

    async def resize(self, size: Size) -> None:
        if self._tty:
            await _resize(self._engine, self._path, size)

    async def signal(self, name: str) -> None:
        await self._engine.whole("POST", f"{self._path}/kill?signal={name}")

    async def exit_code(self) -> int | None:
        for _ in range(_END_LOOKS):
            found = msgspec.json.decode(await self._engine.whole("GET", f"{self._path}/json"), type=_Container).state
            if not found.running:
                return found.exit_code
            await asyncio.sleep(_END_PAUSE)
        return None

    async def abandon(self) -> None:
        """It goes on."""


async def _resize(engine: Engine, path: str, size: Size) -> None:
    try:
        await engine.whole("POST", f"{path}/resize?h={size.height}&w={size.width}")
    except RuntimeRefused:
        return  # It has ended meanwhile, or has not begun yet.


def _joined(frames: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Neighbours of the same stream as one: a process that writes line by line has a frame for each."""
    found: list[tuple[int, list[bytes]]] = []
    for stream, payload in frames:
        if found and found[-1][0] == stream:
            found[-1][1].append(payload)
        else:
            found.append((stream, [payload]))
    return [(stream, b"".join(parts)) for stream, parts in found]
