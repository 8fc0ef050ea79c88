"""WebSockets /tasks/{ident}/exec, /attach and /port: passed on, message by message, to the agent with the container.

Nothing is read from one side before the other has taken the last message. What the messages mean is
taskyard/channels.py's; a no is an END message, as a browser or a library shows nothing of a refused handshake.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

import falcon
import falcon.asgi
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from controlplane.api.containers.agents import CONNECT_TIMEOUT, AgentOf, refused
from controlplane.api.containers.locating import locate
from controlplane.api.http.problem import ApiError, unavailable
from controlplane.api.http.request import Params
from controlplane.api.http.streams import Streams
from controlplane.api.http.workers import Workers
from controlplane.api.objects.tasks_service import TaskService
from taskyard.channels import MAX_MESSAGE, Channel, Ending, json_message


@dataclass(frozen=True, slots=True)
class TaskConsole:
    """`route` is the agent's: exec, attach or port."""

    service: TaskService
    workers: Workers
    streams: Streams
    route: str

    async def on_websocket(self, request: falcon.asgi.Request, ws: falcon.asgi.WebSocket, ident: str) -> None:
        await ws.accept()
        try:
            await self._pass_on(request, ws, ident)
        except ApiError as error:
            kind = error.problem.type.rpartition(":")[2]
            await ws.send_data(json_message(Channel.END, Ending(kind=kind, detail=error.problem.detail)))
        except falcon.WebSocketDisconnected:
            return
        await ws.close()

    async def _pass_on(self, request: falcon.asgi.Request, ws: falcon.asgi.WebSocket, ident: str) -> None:
        params = Params(request, ("namespace", "container"))
        namespace, container = params.text("namespace", "default"), params.text("container", "")
        agent = await self.workers.read(lambda: locate(self.service, ident, namespace, running=True))
        stream = self.streams.open()
        try:
            target = f"/{self.route}/{quote(agent.uid, safe='')}"
            target += f"?container={quote(container, safe='')}" if container else ""
            async with await _connected(agent, target) as upstream:
                await _both_ways(ws, upstream, stream.ended)
        except ConnectionClosed as error:
            raise unavailable(f"the agent of node {agent.node} broke the connection off", "AgentAway") from error
        finally:
            stream.close()


async def _connected(agent: AgentOf, target: str) -> ClientConnection:
    host, port = agent.address
    shown = f"[{host}]" if ":" in host else host
    try:
        return await connect(
            f"ws://{shown}:{port}{target}",
            additional_headers=agent.headers,
            compression=None,
            proxy=None,
            open_timeout=CONNECT_TIMEOUT,
            ping_interval=20,
            ping_timeout=None,
            close_timeout=2,
            max_size=MAX_MESSAGE + 1,
            max_queue=4,
        )
    except InvalidStatus as error:
        raise refused(agent.node, error.response.status_code, bytes(error.response.body or b"")) from error
    except (OSError, TimeoutError) as error:
        raise agent.away("no answer" if isinstance(error, TimeoutError) else str(error)) from error
    except WebSocketException as error:
        raise agent.away(f"it does not speak WebSocket: {error}") from error


async def _both_ways(ws: falcon.asgi.WebSocket, upstream: ClientConnection, ended: asyncio.Event) -> None:
    """Until the agent has said its END, the client leaves, or this server closes."""

    async def down() -> None:
        while True:
            data = await upstream.recv(decode=False)
            await ws.send_data(data)
            if data[:1] == bytes((Channel.END,)):
                return

    async def up() -> None:
        while True:
            await upstream.send(await ws.receive_data())

    tasks = [asyncio.create_task(call) for call in (down(), up(), ended.wait())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0] in done:
            tasks[0].result()
        elif tasks[1] in done:
            with suppress(falcon.PayloadTypeError):
                tasks[1].result()
        else:
            raise unavailable("this server is shutting down", "ShuttingDown", retry_after=1)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
