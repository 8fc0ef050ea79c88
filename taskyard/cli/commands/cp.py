"""`taskyard cp`: files and folders to and from a task's container."""

from __future__ import annotations

import posixpath
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import click

from taskyard.cli import complete
from taskyard.cli.failure import Failed, note
from taskyard.cli.kinds import one_task
from taskyard.cli.session import Command, session
from taskyard.client.api import Client
from taskyard.client.archives import Unsafe, packed, unpack
from taskyard.client.errors import NotFound

_GO_DIR = 1 << 31
"""The bit of Go's os.FileMode for a folder."""


@dataclass(frozen=True, slots=True)
class Place:
    """`task` empty: on this machine."""

    task: str
    path: str


@click.command(cls=Command, namespaced=True)
@click.argument("source", metavar="SOURCE", shell_complete=complete.task_names)
@click.argument("target", metavar="TARGET", shell_complete=complete.task_names)
def cp(source: str, target: str) -> None:
    """Copy files and folders between this machine and a task's container. One side is TASK:/PATH.

    \b
      taskyard cp web:/etc/nginx ./conf      a folder that is not there yet gets that name
      taskyard cp index.html web:/www/       into a folder that is there
      taskyard cp web:/data - | tar tv       as a tar stream, and back: tar c . | taskyard cp - web:/data

    What comes out of a container cannot leave the target: `..`, absolute paths and links that lead out are refused.
    """
    here, there = read_place(source), read_place(target)
    if here.task and there.task:
        raise Failed(
            "both are in containers, and one of the two has to be here",
            f"by way of a pipe: taskyard cp {source} - | taskyard cp - {target}",
        )
    if not here.task and not there.task:
        raise Failed("one of the two has to be in a container", "for example: taskyard cp web:/data ./data")
    current = session()
    client, namespace = current.client(), current.namespace_or_default()
    try:
        if here.task:
            download(client, namespace, here, there.path)
        else:
            upload(client, namespace, here.path, there)
    except NotFound as error:
        place = here if here.task else there
        if _no_task(error):
            raise
        # The agent knows containers, the one who typed this a task and a path.
        raise Failed(f"{place.task}:{place.path}: {error}", _look(place)) from error
    except Unsafe as error:
        raise Failed(str(error), "look at what the container has there before you trust it") from error
    except tarfile.TarError as error:
        raise Failed(f"the archive cannot be read: {error}") from error


def read_place(text: str) -> Place:
    """`web:/data`, `task/web:/data`, else a path here. A path here with a colon in it has a slash before: `./a:b`."""
    task, colon, path = text.partition(":")
    if not colon or task.startswith((".", "/")) or not task:
        return Place("", text)
    if not path.startswith("/"):
        raise Failed(f"'{text}': write the path from the root of the container", f"for example: {task}:/{path}")
    return Place(one_task((task,), "cp web:/data ./data"), path)


def download(client: Client, namespace: str, source: Place, target: str) -> None:
    with client.read_files(namespace, source.task, source.path) as pieces:
        if target == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return
        place = Path(target)
        if place.is_dir():
            count = unpack(pieces, place, told=note)
        elif place.parent.is_dir():
            count = unpack(pieces, place.parent, place.name, told=note)
        else:
            raise Failed(f"there is no folder {place.parent}", "make it first")
    note(f"{count} {'file' if count == 1 else 'files'} copied to {target}")


def upload(client: Client, namespace: str, source: str, target: Place) -> None:
    """As `docker cp`: into a folder that is there, else under the new name beside it."""
    if source == "-":
        pieces = iter(lambda: sys.stdin.buffer.read(65536), b"")
        client.write_files(namespace, target.task, target.path, pieces)
        return
    place = Path(source)
    if not place.exists() and not place.is_symlink():
        raise Failed(f"there is no {source} here", "the first of the two is what is copied: taskyard cp SOURCE TARGET")
    folder, name = target.path.rstrip("/") or "/", place.resolve().name
    if not _is_folder(client, namespace, Place(target.task, folder)):
        if target.path.endswith("/"):
            raise Failed(f"there is no folder {target.path} in task/{target.task}", _look(Place(target.task, folder)))
        folder, name = posixpath.split(folder)
    client.write_files(namespace, target.task, folder, packed(place, name))
    note(f"{source} copied to {target.task}:{posixpath.join(folder, name)}")


def _is_folder(client: Client, namespace: str, place: Place) -> bool:
    try:
        found = client.stat_file(namespace, place.task, place.path)
    except NotFound as error:
        if _no_task(error):
            raise
        return False
    return bool(found.mode & _GO_DIR)


def _no_task(error: NotFound) -> bool:
    """Not a path that is not there."""
    return error.problem.type.endswith(":NotFound")


def _look(place: Place) -> str:
    return f"what is there: taskyard exec {place.task} -- ls {posixpath.dirname(place.path)}"
