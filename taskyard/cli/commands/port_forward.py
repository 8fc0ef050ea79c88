"""`taskyard port-forward`: ports of this machine that lead into a task's container, through control plane and agent."""

from __future__ import annotations

import os
import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass

import click

from taskyard.channels import PIECE, Channel, OpenPort
from taskyard.cli import complete
from taskyard.cli.failure import Failed, complain, note
from taskyard.cli.kinds import one_task
from taskyard.cli.session import Command, session
from taskyard.cli.tailing import ENDED
from taskyard.client.api import Client
from taskyard.client.console import Console, Ended
from taskyard.client.errors import ClientError
from taskyard.listening import listen

MAX_CONNECTIONS = 100


@dataclass(frozen=True, slots=True)
class Pair:
    """`local` 0: any that is free."""

    local: int
    remote: int


@click.command("port-forward", cls=Command, namespaced=True)
@click.argument("task", shell_complete=complete.task_names)
@click.argument("ports", nargs=-1, required=True, metavar="[LOCAL:]REMOTE...")
@click.option("--address", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen here.")
def port_forward(task: str, ports: tuple[str, ...], address: str) -> None:
    """Listen here, and pass each connection on to a port of the task, published or not, until Ctrl-C.

    \b
      taskyard port-forward web 8080:80
      taskyard port-forward db 5432          the same number on both sides
      taskyard port-forward web :80          any free port here
    """
    name = one_task((task,), "port-forward web 8080:80")
    current = session()
    forward = Forward(current.client(), current.namespace_or_default(), name)
    pairs = [read_pair(text) for text in ports]
    listeners: list[tuple[socket.socket, Pair]] = []
    try:
        for pair in pairs:
            try:
                listeners.append((listen(address, pair.local), pair))
            except OSError as error:
                raise _cannot_listen(address, pair, name, error) from error
        forward.probe()
        for listener, pair in listeners:
            host, port = listener.getsockname()[:2]
            note(f"forwarding {host}:{port} -> task/{name} port {pair.remote}")
            threading.Thread(target=forward.serve, args=(listener, pair.remote), daemon=True).start()
        threading.Event().wait()
    finally:
        for listener, _ in listeners:
            listener.close()


def _cannot_listen(address: str, pair: Pair, task: str, error: OSError) -> Failed:
    """By the error's number: `create_server` adds the address to its words, and a name that is none has only words."""
    known = error.errno is not None and error.errno > 0
    why = os.strerror(error.errno or 0) if known else str(error.strerror or error)
    return Failed(
        f"cannot listen on {address}:{pair.local}: {why}",
        f"any free port here: taskyard port-forward {task} :{pair.remote}"
        if known
        else "write --address with an address of this machine, for example 127.0.0.1",
    )


def read_pair(text: str) -> Pair:
    """`8080:80`, `80`, `:80`. Failed for anything else."""
    match = re.fullmatch(r"(?:(\d{0,5}):)?(\d{1,5})", text, re.ASCII)
    numbers = (int(match[1] or 0) if match[1] is not None else int(match[2]), int(match[2])) if match else (0, 0)
    if not 0 < numbers[1] < 65536 or numbers[0] > 65535:
        raise Failed(f"'{text}' is not a pair of ports", "write LOCAL:REMOTE, for example 8080:80")
    return Pair(*numbers)


class Forward:
    def __init__(self, client: Client, namespace: str, name: str) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._free = threading.Semaphore(MAX_CONNECTIONS)

    def probe(self) -> None:
        """Raises ClientError when there is no such task, Failed while it has no node or once it is over: better said
        now than at the first connection."""
        status = self._client.task(self._namespace, self._name).view.status
        why = f": {status.message}" if status.message else ""
        if status.state in ENDED:
            raise Failed(f"task/{self._name} does not run, it is {status.state}{why}")
        if not status.node:
            raise Failed(
                f"task/{self._name} has no container yet, it is {status.state}{why}",
                f"what it waits for: taskyard why {self._name}",
            )

    def serve(self, listener: socket.socket, port: int) -> None:
        """Takes connections for as long as the listener is open; more than MAX_CONNECTIONS wait."""
        while True:
            self._free.acquire()
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(connection, port), daemon=True).start()

    def _connection(self, connection: socket.socket, port: int) -> None:
        try:
            with connection, self._client.console(self._namespace, self._name, "port", OpenPort(port)) as console:
                threading.Thread(target=_up, args=(connection, console), daemon=True).start()
                _down(connection, console)
        except ClientError as error:
            complain(f"port {port} of task/{self._name}: {error}", error.hint)
        finally:
            self._free.release()


def _up(connection: socket.socket, console: Console) -> None:
    with suppress(OSError):
        while data := connection.recv(PIECE):
            if not console.send(Channel.STDIN, data):
                return
        console.send(Channel.EOF)


def _down(connection: socket.socket, console: Console) -> None:
    """Raises ClientError when the other side fails."""
    try:
        while True:
            _, payload = console.receive()
            connection.sendall(payload)
    except (Ended, OSError):
        return
    finally:
        # Closing alone says nothing to the peer while the other thread waits for its bytes.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
