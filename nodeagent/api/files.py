"""/files/<uid>: files and folders of a container as tar streams, both ways, and what a path is.

Docker keeps paths within the container, and unpacks in a jail; what leaves it is checked by whoever unpacks it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import falcon
import falcon.asgi

from nodeagent.api.door import Door, Pass
from nodeagent.runtime.docker_console import DockerConsole
from taskyard.exchange import Exchange


class Files:
    def __init__(self, console: DockerConsole, door: Door) -> None:
        self._console = console
        self._door = door

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, uid: str) -> None:
        """`path` as tar; with `stat` only what it is."""
        self._door.check(req)
        container, path = self._door.container(uid), _path(req)
        await self._within_reach(container.id, path)
        if req.get_param_as_bool("stat"):
            resp.content_type = "application/json"
            resp.data = await self._door.answered(self._console.stat(container.id, path))
            return
        entry = self._door.enter()
        try:
            answer = await self._door.answered(self._console.read_files(container.id, path))
        except BaseException:
            entry.close()
            raise
        resp.content_type = "application/x-tar"
        resp.stream = _relay(answer, entry)

    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, uid: str) -> None:
        """Unpacks the tar stream of the body in the folder `path`."""
        self._door.check(req)
        container, path = self._door.container(uid), _path(req)
        await self._within_reach(container.id, path)
        entry = self._door.enter()
        try:
            await self._door.answered(self._console.write_files(container.id, path, aiter(req.stream)))
        finally:
            entry.close()
        resp.status = falcon.HTTP_204

    async def _within_reach(self, container: str, path: str) -> None:
        mount = await self._door.answered(self._console.out_of_reach(container, path))
        if mount:
            raise falcon.HTTPConflict(
                description=f"what is in {mount} is in memory: Docker cannot copy from there or to it."
                " Programs in the container can, such as tar by way of exec"
            )


def _path(req: falcon.asgi.Request) -> str:
    path = req.get_param("path", required=True)
    if not path.startswith("/") or "\0" in path:
        raise falcon.HTTPBadRequest(description="path: write it from the root of the container, as /data")
    return path


async def _relay(answer: Exchange, entry: Pass) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.pieces():
            yield piece
        if not answer.complete:
            raise ConnectionResetError("Docker broke the archive off")
    finally:
        answer.close()
        entry.close()
