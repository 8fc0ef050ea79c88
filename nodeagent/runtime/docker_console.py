"""What people ask about the inside of a container, answered by Docker Engine as streams. Used by nodeagent/api."""

from __future__ import annotations

import base64
import posixpath
from collections.abc import AsyncIterator
from pathlib import PurePosixPath

import msgspec

from nodeagent.runtime.console import ExecOptions, LogOptions
from nodeagent.runtime.docker_engine import Engine
from nodeagent.runtime.docker_frames import Demultiplexer
from nodeagent.runtime.docker_process import AttachedProcess, ExecProcess
from nodeagent.runtime.port import RuntimeRefused
from taskyard.channels import Size
from taskyard.exchange import Exchange
from taskyard.prepare import prepare


class _Config(msgspec.Struct, frozen=True, rename="pascal"):
    tty: bool = False


class _State(msgspec.Struct, frozen=True, rename="pascal"):
    pid: int = 0


class _Mount(msgspec.Struct, frozen=True, rename="pascal"):
    type: str = ""
    destination: str = ""


class Looked(msgspec.Struct, frozen=True, rename="pascal"):
    """A container as Docker tells it, with only what matters here."""

    id: str
    config: _Config
    state: _State
    mounts: list[_Mount] = []


class _ExecBody(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    cmd: list[str]
    attach_stdin: bool = False
    attach_stdout: bool = msgspec.field(default_factory=lambda: True)
    attach_stderr: bool = msgspec.field(default_factory=lambda: True)
    tty: bool = False
    env: list[str] = []
    user: str = ""
    working_dir: str = ""
    console_size: list[int] | None = None


class _StartBody(msgspec.Struct, frozen=True, rename="pascal"):
    tty: bool
    detach: bool = False


class _Made(msgspec.Struct, frozen=True, rename="pascal"):
    id: str


_OF_THE_KERNEL = ("/dev", "/proc", "/sys")

prepare(Looked, _ExecBody, _StartBody, _Made)


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

    async def exec(self, container: str, options: ExecOptions, size: Size | None) -> ExecProcess:
        """Starts it. `container` is the full id."""
        body = _ExecBody(
            attach_stdin=options.stdin,
            tty=options.tty,
            cmd=list(options.command),
            env=list(options.env),
            user=options.user,
            working_dir=options.workdir,
            console_size=[size.height, size.width] if options.tty and size else None,
        )
        made = await self._engine.whole("POST", f"/containers/{container}/exec", msgspec.json.encode(body))
        ident = msgspec.json.decode(made, type=_Made).id
        start = msgspec.json.encode(_StartBody(tty=options.tty))
        stream = await self._engine.hijack(f"/exec/{ident}/start", body=start)
        process = ExecProcess(self._engine, container, ident, stream, tty=options.tty)
        if size and options.tty:
            await process.resize(size)
        return process

    async def attach(self, container: str, *, stdin: bool) -> AttachedProcess:
        """To its main process."""
        looked = await self.look(container)
        query = {"stream": "1", "stdout": "1", "stderr": "1", "stdin": str(int(stdin))}
        stream = await self._engine.hijack(f"/containers/{container}/attach", query)
        return AttachedProcess(self._engine, container, stream, tty=looked.config.tty)

    async def stat(self, container: str, path: str) -> bytes:
        """What is there, as JSON in Docker's words: name, size, mode (Go's os.FileMode), linkTarget."""
        try:
            answer = await self._engine.request("HEAD", f"/containers/{container}/archive", {"path": path})
        except RuntimeRefused as error:
            raise RuntimeRefused(f"there is no {path} in the container") from error  # HEAD has no body to say so.
        answer.close()
        return base64.b64decode(answer.headers.get("x-docker-container-path-stat", ""))

    async def out_of_reach(self, container: str, path: str) -> str:
        """The mount that the path is in and that Docker's archives do not have: they show, and write to, what is
        beneath it. Empty: none."""
        looked = await self.look(container)
        hidden = (*_OF_THE_KERNEL, *(mount.destination for mount in looked.mounts if mount.type == "tmpfs"))
        asked = PurePosixPath(posixpath.normpath(path))
        return next((mount for mount in hidden if asked.is_relative_to(mount)), "")

    async def read_files(self, container: str, path: str) -> Exchange:
        """A tar stream in which the first part of each name is the path's last."""
        try:
            return await self._engine.request("GET", f"/containers/{container}/archive", {"path": path})
        except RuntimeRefused as error:
            raise _without_id(error, container) from error

    async def write_files(self, container: str, folder: str, archive: AsyncIterator[bytes]) -> None:
        """`folder` has to be there. Returns when all is unpacked."""
        try:
            answer = await self._engine.request(
                "PUT",
                f"/containers/{container}/archive",
                {"path": folder, "noOverwriteDirNonDir": "1"},
                archive,
                "application/x-tar",
            )
        except RuntimeRefused as error:
            raise _without_id(error, container) from error
        answer.close()


def _without_id(error: RuntimeRefused, container: str) -> RuntimeRefused:
    """`Could not find the file /x in container 8f3a…`: nobody who asks for a task's file knows that id."""
    return RuntimeRefused(str(error).replace(f"container {container}", "the container").replace(container, "it"))
