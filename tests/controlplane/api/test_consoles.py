"""Conversations are passed on to the agent as they are, with its token; what cannot be is said in the last message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import falcon
import msgspec
import pytest
from falcon.testing import ASGIConductor, ASGIWebSocketSimulator
from websockets.asyncio.server import ServerConnection, serve

from taskyard.channels import Channel, Ending, json_message, message, taken_apart
from tests.controlplane.api.bench import ApiBench, manifest
from tests.controlplane.api.test_logs import place_task

Agent = Callable[[ServerConnection], Awaitable[None]]
Client = Callable[[ASGIWebSocketSimulator], Awaitable[None]]


def talk(bench: ApiBench, agent: Agent | None, client: Client, path: str = "/tasks/web/exec") -> None:
    async def test() -> None:
        async with asyncio.timeout(20), ASGIConductor(bench.app) as conductor:
            if agent is None:
                await _speak(conductor, client, path)
                return
            async with serve(agent, "127.0.0.1", 0) as server:
                host, port = next(iter(server.sockets)).getsockname()[:2]
                place_task(bench, f"{host}:{port}")
                await _speak(conductor, client, path)

    asyncio.run(test())
    assert len(bench.api.consoles) == 0


async def _speak(conductor: ASGIConductor, client: Client, path: str) -> None:
    path, _, query = path.partition("?")
    async with conductor.simulate_ws(path, host="localhost", query_string=query) as ws:
        await client(ws)


async def ending(ws: ASGIWebSocketSimulator) -> Ending:
    channel, payload = taken_apart(await ws.receive_data())
    assert channel is Channel.END
    return msgspec.json.decode(payload, type=Ending)


def test_messages_go_both_ways_and_the_end_comes_last(bench: ApiBench) -> None:
    asked: list[object] = []

    async def agent(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.extend([connection.request.path, connection.request.headers["Authorization"]])
        asked.append(await connection.recv())
        await connection.send(message(Channel.STDOUT, b"\x1b[2J"))
        asked.append(await connection.recv())
        await connection.send(json_message(Channel.END, Ending(exit_code=3)))

    async def client(ws: ASGIWebSocketSimulator) -> None:
        await ws.send_data(message(Channel.OPEN, b"{}"))
        assert await ws.receive_data() == message(Channel.STDOUT, b"\x1b[2J")
        await ws.send_data(message(Channel.STDIN, b"x"))
        assert await ending(ws) == Ending(exit_code=3)

    talk(bench, agent, client, "/tasks/web/exec?container=proxy")
    uid = bench.plane.task("web").metadata.uid
    assert asked[:2] == [f"/exec/{uid}?container=proxy", "Bearer s3cret"]
    assert asked[2:] == [message(Channel.OPEN, b"{}"), message(Channel.STDIN, b"x")]


def test_when_the_client_leaves_so_do_we(bench: ApiBench) -> None:
    left = asyncio.Event()

    async def agent(connection: ServerConnection) -> None:
        await connection.wait_closed()
        left.set()

    async def client(ws: ASGIWebSocketSimulator) -> None:
        await ws.close()
        await left.wait()

    talk(bench, agent, client)


def test_an_agent_that_breaks_off(bench: ApiBench) -> None:
    async def agent(connection: ServerConnection) -> None:
        await connection.close()

    async def client(ws: ASGIWebSocketSimulator) -> None:
        found = await ending(ws)
        assert (found.kind, found.detail) == ("AgentAway", "the agent of node n1 broke the connection off")

    talk(bench, agent, client)


def test_an_agent_that_is_not_there(bench: ApiBench) -> None:
    place_task(bench, "127.0.0.1:1")

    async def client(ws: ASGIWebSocketSimulator) -> None:
        found = await ending(ws)
        assert found.kind == "AgentAway"
        assert "cannot be reached at 127.0.0.1:1" in found.detail

    talk(bench, None, client)


def test_a_task_that_does_not_run_yet(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest())

    async def client(ws: ASGIWebSocketSimulator) -> None:
        found = await ending(ws)
        assert found.kind == "NoContainer"

    talk(bench, None, client)


@pytest.mark.parametrize("path", ["/tasks/nope/exec", "/tasks/nope/attach", "/tasks/nope/port"])
def test_no_such_task(bench: ApiBench, path: str) -> None:
    async def client(ws: ASGIWebSocketSimulator) -> None:
        assert (await ending(ws)).kind == "NotFound"

    talk(bench, None, client, path)


@pytest.mark.parametrize(
    ("host", "headers", "path", "code"),
    [
        pytest.param("localhost", {"Origin": "http://evil.example"}, "/tasks/web/exec", 3403, id="origin"),
        pytest.param("evil.example", {}, "/tasks/web/exec", 3403, id="host"),
        pytest.param("localhost", {}, "/nothing", 3404, id="no such route"),
    ],
)
def test_handshakes_that_are_refused(bench: ApiBench, host: str, headers: dict[str, str], path: str, code: int) -> None:
    async def test() -> None:
        async with ASGIConductor(bench.app) as conductor:
            with pytest.raises(falcon.WebSocketDisconnected) as refused:
                async with conductor.simulate_ws(path, host=host, headers=headers):
                    pass
            assert refused.value.code == code

    asyncio.run(test())
