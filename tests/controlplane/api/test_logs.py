"""Logs come from the agent as it sends them, with its token; where there is none, the answer says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from falcon.testing import ASGIConductor

from taskyard import keys
from taskyard.objects import Amounts, NodeLease, TaskState
from tests.controlplane.api.bench import ApiBench, manifest, problem

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


class Agent:
    """A small HTTP server on loopback that answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.asked = b""
        self.left = asyncio.Event()
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()
            self.left.set()


@asynccontextmanager
async def agent_of(bench: ApiBench, answer: Answer) -> AsyncIterator[Agent]:
    """A running task `web`, whose node has this agent."""
    agent = Agent(answer)
    server = await asyncio.start_server(agent.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    place_task(bench, f"{host}:{port}")
    async with server:
        yield agent


def place_task(bench: ApiBench, address: str) -> None:
    from taskyard.manifest import read_object

    capacity = Amounts(cpu_millis=4000, memory_bytes=2**32, disk_bytes=2**36)
    bench.plane.put(
        keys.node_lease("n1"),
        NodeLease(incarnation="i1", host_id="h1", address=address, token="s3cret", capacity=capacity),
    )
    bench.api.tasks.writer.apply(read_object(manifest()))
    bench.plane.lead()
    bench.plane.settle(bench.plane.scheduler)
    bench.plane.report("web", TaskState.RUNNING)
    bench.plane.pump()


def test_the_log_is_passed_on_with_token_and_options(bench: ApiBench) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"6\r\nhello\n\r\n6\r\nworld\n\r\n0\r\n\r\n")

    async def test() -> None:
        async with agent_of(bench, answer) as agent:
            query = "tail=5&timestamps=1&since=2.5&follow=0"
            got = await ASGIConductor(bench.app).simulate_get("/tasks/web/logs", query_string=query, host="localhost")
        assert (got.status_code, got.text) == (200, "hello\nworld\n")
        assert got.headers["content-type"] == "text/plain; charset=utf-8"
        uid = bench.plane.task("web").metadata.uid
        assert f"GET /logs/{uid}?timestamps=true&tail=5&since=2.500 HTTP/1.1".encode() in agent.asked
        assert b"Authorization: Bearer s3cret" in agent.asked

    asyncio.run(test())


@pytest.mark.parametrize(("state", "code"), [(TaskState.STARTING, 409), (TaskState.RUNNING, 404)])
def test_a_container_that_is_not_there_may_still_come(bench: ApiBench, state: TaskState, code: int) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"title": "410 Gone", "description": "no container"}'
        writer.write(b"HTTP/1.1 410 Gone\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async def test() -> None:
        async with agent_of(bench, answer):
            bench.plane.report("web", state)
            bench.plane.pump()
            got = await ASGIConductor(bench.app).simulate_get("/tasks/web/logs", host="localhost")
        said = problem(got, code)["detail"]
        assert said == ("task/web has no container yet, it is Starting" if code == 409 else "no container")

    asyncio.run(test())


def test_a_followed_log_comes_as_it_is_written_and_ends_with_its_reader(bench: ApiBench) -> None:
    second = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"4\r\none\n\r\n")
        await second.wait()
        writer.write(b"4\r\ntwo\n\r\n")
        await reader.read()  # until the control plane leaves

    async def test() -> None:
        conductor = ASGIConductor(bench.app)
        async with agent_of(bench, answer) as agent, asyncio.timeout(10):
            async with (
                conductor,
                conductor.simulate_get_stream("/tasks/web/logs", query_string="follow=1", host="localhost") as got,
            ):
                text = b""
                while text != b"one\n":
                    text += await got.stream.read()
                    await asyncio.sleep(0.002)
                second.set()
                while text != b"one\ntwo\n":
                    text += await got.stream.read()
                    await asyncio.sleep(0.002)
            await agent.left.wait()
        assert len(bench.api.logs) == 0

    asyncio.run(test())


@pytest.mark.parametrize(
    ("raw", "status", "part"),
    [
        pytest.param(
            b'HTTP/1.1 404 Not Found\r\nContent-Length: 44\r\n\r\n{"title":"404","description":"no container"}\n',
            404,
            "no container",
            id="no container",
        ),
        pytest.param(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", 502, "answered 401", id="token refused"),
        pytest.param(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 503, "answered 503", id="runtime away"),
        pytest.param(b"HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n", 502, "answered 418", id="something else"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", 503, "does not speak HTTP", id="not HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", 503, "broke off", id="broken off"),
        pytest.param(b"", 503, "broke off", id="silent"),
    ],
)
def test_what_an_agent_may_answer(bench: ApiBench, raw: bytes, status: int, part: str) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    async def test() -> None:
        async with agent_of(bench, answer):
            got = await ASGIConductor(bench.app).simulate_get("/tasks/web/logs", host="localhost")
        detail = problem(got, status)["detail"]
        assert part in detail
        assert "s3cret" not in got.text
        assert len(bench.api.logs) == 0

    asyncio.run(test())


def test_an_agent_that_is_not_there(bench: ApiBench) -> None:
    place_task(bench, "127.0.0.1:1")
    assert "cannot be reached at 127.0.0.1:1" in problem(bench.call("GET", "/tasks/web/logs"), 503)["detail"]


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "a\r\nb:1", ""])
def test_an_address_put_by_hand(bench: ApiBench, address: str) -> None:
    place_task(bench, address)
    problem(bench.call("GET", "/tasks/web/logs"), 503)


def test_no_container_yet(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest())
    detail = problem(bench.call("GET", "/tasks/web/logs"), 409)["detail"]
    assert "no container yet, it is Pending" in detail
    assert "no node has joined" in detail


def test_the_node_is_gone(bench: ApiBench) -> None:
    place_task(bench, "127.0.0.1:1")
    bench.plane.delete(keys.node_lease("n1"))
    bench.plane.pump()
    assert "n1, which is gone" in problem(bench.call("GET", "/tasks/web/logs"), 503)["detail"]


def test_no_such_task(bench: ApiBench) -> None:
    problem(bench.call("GET", "/tasks/nope/logs"), 404)
