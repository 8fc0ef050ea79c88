"""How a command on the same machine finds the agent that runs there, and what the two say to each other.

A running agent keeps the lock of its data folder, and writes into it where its API listens. Written by the agent's
app.py, read by `taskyard agent drain`. Whoever may read the file may drain the node.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

from taskyard.objects.base import Wire

DATA_DIR = Path("/var/lib/taskyard/agent")
"""Where an agent keeps its own when nothing is said."""
LOCK = "lock"
_FILE = "agent.json"


class LocalAgent(Wire, frozen=True, kw_only=True):
    """`address`: host:port, as it is reached from this machine."""

    node: str
    address: str
    token: str


class DrainProgress(Wire, frozen=True, kw_only=True):
    """A line of the answer to POST /drain. `left`: what each task does that is still there, by namespace/name; `over`:
    the agent ends now, whatever is left."""

    left: dict[str, str]
    over: bool = False


class NoLocalAgent(Exception):
    """The message says why, and what to do."""


def announce(folder: Path, agent: LocalAgent) -> None:
    """By whoever holds the lock. Raises OSError, and then what an agent before this one announced is gone too."""
    (folder / _FILE).unlink(missing_ok=True)
    temporary = folder / f"{_FILE}.new"
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(agent))
    temporary.rename(folder / _FILE)


def runs(folder: Path) -> bool:
    """Raises OSError."""
    try:
        with open(folder / LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def find(folder: Path) -> LocalAgent:
    """Raises NoLocalAgent."""
    elsewhere = "name the one of the agent's with --data-dir"
    try:
        if not runs(folder):
            raise NoLocalAgent(f"no agent runs with the data folder {folder}: {elsewhere}")
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=LocalAgent)
    except PermissionError as error:
        raise NoLocalAgent(f"{error.filename} may not be read: run this as the user that the agent runs as") from error
    except (OSError, msgspec.MsgspecError) as error:
        why = f"the agent's data folder {folder} does not say where its API is ({error})"
        raise NoLocalAgent(f"{why}: it may only just have been started; else restart it") from error
