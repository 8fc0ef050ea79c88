"""WebSockets /exec/<uid>, /attach/<uid> and /port/<uid>: conversations with a process or a port of a task.

Both directions wait for each other's reader: a message is taken from one side when the other has taken the last.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import falcon
import falcon.asgi
import msgspec

from nodeagent.api.door import Door
from nodeagent.runtime.console import ExecOptions
from nodeagent.runtime.docker_console import DockerConsole
from nodeagent.runtime.docker_process import Process
from nodeagent.runtime.port import RuntimeFault, RuntimeRefused
from nodeagent.runtime.processes import connect_inside
from taskyard.channels import (
    PIECE,
    BadMessage,
    Channel,
    Ending,
    OpenAttach,
    OpenExec,
    OpenPort,
    Size,
    json_message,
    message,
    taken_apart,
)

T = TypeVar("T")
_OPEN_TIMEOUT = 10.0
_SIGNAL = re.compile(r"SIG[A-Z]{2,6}[0-9]?", re.ASCII)
Handler = Callable[[Channel, bytes], Awaitable[None]]


class _Left(Exception):
    """The client has gone."""


class Conversation:
    """The route's half that is the same for all three."""

    def __init__(self, console: DockerConsole, door: Door) -> None:
        self._console = console
        self._door = door

    async def on_websocket(self, req: falcon.asgi.Request, ws: falcon.asgi.WebSocket, uid: str) -> None:
        self._door.check(req)
        entry = self._door.enter()
        try:
            await ws.accept()
            ending = await self._answered(ws, uid, req.get_param("container") or "")
            await ws.send_data(json_message(Channel.END, ending))
            await ws.close()
        except (_Left, falcon.WebSocketDisconnected):
            return
        finally:
            entry.close()

    async def _answered(self, ws: falcon.asgi.WebSocket, uid: str, name: str) -> Ending:
        try:
            container = self._door.container(uid, name=name)
            return await self.talk(ws, container.id)
        except (falcon.HTTPNotFound, falcon.HTTPGone) as error:
            return Ending(kind="NotFound", detail=error.description or "")
        except BadMessage as error:
            return Ending(kind="Invalid", detail=str(error))
        except RuntimeRefused as error:
            return Ending(kind="Refused", detail=str(error))
        except (RuntimeFault, OSError) as error:
            return Ending(kind="RuntimeUnavailable", detail=str(error))

    async def talk(self, ws: falcon.asgi.WebSocket, container: str) -> Ending:
        raise NotImplementedError


class Exec(Conversation):
    async def talk(self, ws: falcon.asgi.WebSocket, container: str) -> Ending:
        opening = await _opened(ws, OpenExec)
        if not opening.command or any("\0" in word for word in opening.command):
            raise BadMessage("command: name the program, and its arguments after it")
        options = ExecOptions(
            command=tuple(opening.command),
            stdin=opening.stdin,
            tty=opening.tty,
            user=opening.user,
            workdir=opening.workdir,
            env=tuple(opening.env),
        )
        return await _talk(ws, await self._console.exec(container, options, opening.size))


class Attach(Conversation):
    async def talk(self, ws: falcon.asgi.WebSocket, container: str) -> Ending:
        opening = await _opened(ws, OpenAttach)
        process = await self._console.attach(container, stdin=opening.stdin)
        if opening.size:
            await process.resize(opening.size)
        return await _talk(ws, process)


class Port(Conversation):
    """The port is looked for on loopback in the container's own network, so one that is not published works too."""

    async def talk(self, ws: falcon.asgi.WebSocket, container: str) -> Ending:
        opening = await _opened(ws, OpenPort)
        if not 0 < opening.port < 65_536:
            raise BadMessage(f"port: {opening.port} is not a port")
        looked = await self._console.look(container)
        if not looked.state.pid:
            return Ending(kind="NotRunning", detail="its container does not run")
        try:
            connected = await asyncio.to_thread(connect_inside, looked.state.pid, opening.port)
        except OSError as error:
            why = error.strerror or str(error)
            return Ending(kind="Refused", detail=f"nothing answers on port {opening.port} of the container: {why}")
        connected.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connected, limit=PIECE)

        async def handle(channel: Channel, payload: bytes) -> None:
            if channel is Channel.STDIN:
                writer.write(payload)
                await writer.drain()
            elif channel is Channel.EOF and not writer.is_closing():
                writer.write_eof()

        async def output() -> AsyncIterator[tuple[int, bytes]]:
            while data := await reader.read(PIECE):
                yield Channel.STDOUT, data

        try:
            await _both_ways(ws, output(), handle)
        finally:
            writer.close()
        return Ending()


async def _talk(ws: falcon.asgi.WebSocket, process: Process) -> Ending:
    async def handle(channel: Channel, payload: bytes) -> None:
        if channel is Channel.STDIN:
            await process.write(payload)
        elif channel is Channel.EOF:
            await process.end_input()
        elif channel is Channel.RESIZE:
            await process.resize(_decoded(payload, Size))
        elif channel is Channel.SIGNAL:
            name = payload.decode("ascii", errors="replace")
            if not _SIGNAL.fullmatch(name):
                raise BadMessage(f"{name!r} is not a signal")
            await process.signal(name)

    try:
        await _both_ways(ws, process.output(), handle)
        return Ending(exit_code=await process.exit_code())
    except _Left:
        await process.abandon()
        raise
    finally:
        process.close()


async def _both_ways(ws: falcon.asgi.WebSocket, output: AsyncIterator[tuple[int, bytes]], handle: Handler) -> None:
    """Until the output ends. Raises _Left when the client goes before."""

    async def send() -> None:
        async for channel, data in output:
            await ws.send_data(message(Channel(channel), data))

    async def receive() -> None:
        while True:
            await handle(*taken_apart(await ws.receive_data()))

    sending, receiving = asyncio.create_task(send()), asyncio.create_task(receive())
    try:
        done, _ = await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except (falcon.WebSocketDisconnected, falcon.PayloadTypeError) as error:
        raise _Left from error
    finally:
        sending.cancel()
        receiving.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)


async def _opened(ws: falcon.asgi.WebSocket, kind: type[T]) -> T:
    """The first message."""
    try:
        async with asyncio.timeout(_OPEN_TIMEOUT):
            channel, payload = taken_apart(await ws.receive_data())
    except TimeoutError as error:
        raise BadMessage("nothing was asked for: the first message has to be an OPEN") from error
    if channel is not Channel.OPEN:
        raise BadMessage("the first message has to be an OPEN")
    return _decoded(payload, kind)


def _decoded(payload: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(str(error)) from error
