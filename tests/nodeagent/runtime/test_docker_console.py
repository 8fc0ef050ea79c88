"""What people ask about the inside of a container, on a real engine."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from nodeagent.runtime.console import LogOptions
from nodeagent.runtime.docker_console import DockerConsole
from nodeagent.runtime.docker_engine import Engine
from nodeagent.runtime.port import RuntimeRefused, RuntimeUnavailable
from tests.support.docker_engine import DockerEngine

TALKS = ["sh", "-c", "echo one; echo two; echo three"]


@dataclass(frozen=True, slots=True)
class Host:
    engine: DockerEngine
    label: str

    @property
    def console(self) -> DockerConsole:
        return DockerConsole(Engine(self.engine.host))

    def container(self, command: list[str], *, tty: bool = False, wait: bool = False) -> str:
        client = self.engine.client()
        made = client.create_container("busybox:1.35", command, labels={"taskyard/test": self.label}, tty=tty)
        client.start(made["Id"])
        if wait:
            client.wait(made["Id"])
        client.close()
        return str(made["Id"])


@pytest.fixture
def host(docker_engine: DockerEngine) -> Iterator[Host]:
    label = uuid.uuid4().hex
    yield Host(docker_engine, label)
    docker_engine.remove_all(f"taskyard/test={label}")


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await test()

    asyncio.run(bounded())


async def log_of(host: Host, container: str, options: LogOptions) -> bytes:
    output = await host.console.logs(container, options)
    try:
        return b"".join([piece async for piece in output.pieces()])
    finally:
        output.close()


@pytest.mark.docker
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        pytest.param(LogOptions(), [b"one", b"two", b"three"], id="all"),
        pytest.param(LogOptions(tail=1), [b"three"], id="tail"),
        pytest.param(LogOptions(tail=0), [], id="none"),
        pytest.param(LogOptions(follow=True), [b"one", b"two", b"three"], id="follow-ends-with-the-container"),
        pytest.param(LogOptions(since=4e9), [], id="since"),
    ],
)
def test_logs(host: Host, options: LogOptions, lines: list[bytes]) -> None:
    container = host.container(TALKS, wait=True)

    async def test() -> None:
        assert (await log_of(host, container, options)).splitlines() == lines

    run(test)


@pytest.mark.docker
def test_logs_of_a_terminal_are_not_multiplexed(host: Host) -> None:
    container = host.container(["echo", "one"], tty=True, wait=True)

    async def test() -> None:
        assert await log_of(host, container, LogOptions()) == b"one\r\n"

    run(test)


@pytest.mark.docker
def test_errors_are_in_the_log_too(host: Host) -> None:
    container = host.container(["sh", "-c", "echo one; echo two >&2"], wait=True)

    async def test() -> None:
        # The two streams have a pipe each, so their order among each other is the engine's.
        assert sorted((await log_of(host, container, LogOptions())).splitlines()) == [b"one", b"two"]

    run(test)


@pytest.mark.docker
def test_logs_with_timestamps(host: Host) -> None:
    container = host.container(["echo", "three"], wait=True)

    async def test() -> None:
        moment, line = (await log_of(host, container, LogOptions(timestamps=True, tail=1))).split()
        assert moment.endswith(b"Z")
        assert line == b"three"

    run(test)


@pytest.mark.docker
def test_nobody_is_refused(host: Host) -> None:
    async def test() -> None:
        with pytest.raises(RuntimeRefused, match=r"(?i)no such container"):
            await host.console.logs("nobody", LogOptions())

    run(test)


@pytest.mark.parametrize("host", ["unix:///tmp/taskyard-no-such.sock", "tcp://127.0.0.1:1", "ssh://x", "tcp://nowhere"])
def test_an_engine_that_is_not_there_is_unavailable(host: str) -> None:
    async def test() -> None:
        with pytest.raises(RuntimeUnavailable):
            await DockerConsole(Engine(host)).inspect("x")

    run(test)


@pytest.mark.parametrize("way", ["read", "write"])
def test_what_docker_says_of_a_path_is_told_without_the_containers_id(way: str) -> None:
    ident = "0366e7d666fa" * 5
    body = b'{"message":"Could not find the file /etc/x in container %s"}' % ident.encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    async def test() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            console = DockerConsole(Engine(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
            asked = (
                console.read_files(ident, "/etc/x")
                if way == "read"
                else console.write_files(ident, "/etc/x", nothing())
            )
            with pytest.raises(RuntimeRefused, match=r"^Could not find the file /etc/x in the container$"):
                await asked

    run(test)
