"""The state folder: everything that `taskyard up` has on a machine, and what it wrote down there about it.

Settings and plan are written by `up`, the report by the supervisor; `down` and `status` read all three.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from taskyard.local.errors import LocalError
from taskyard.local.process import ProcessId

T = TypeVar("T", bound=msgspec.Struct)

DEFAULT_FOLDER = ".taskyard"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the first `up` in this folder settled on; later ones keep to it until `down`."""

    host: str
    port: int
    etcd: list[str]
    own_etcd: bool
    peer_port: int = 0
    docker: str
    own_docker: bool
    cluster: str
    node: str

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class ChildPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A program to keep running. `needs`: addresses (`host:port`, `unix:///path`) that must answer before it starts.

    `outlives`: it is left running when the supervisor is told to stop.
    """

    name: str
    argv: list[str]
    log: str
    needs: list[str] = []
    outlives: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    children: list[ChildPlan]


class ChildReport(msgspec.Struct, frozen=True, kw_only=True):
    """`process` None: it waits for its turn. Times are seconds since the epoch."""

    name: str
    process: ProcessId | None = None
    started_at: float = 0.0
    restarts: int = 0
    failures: int = 0
    """Ends in a row, each soon after its start; decides the next wait."""
    next_start: float = 0.0
    last_exit: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    supervisor: ProcessId
    children: list[ChildReport]


class StateFolder:
    """Paths, and the files read and written whole."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.etcd = self.path / "etcd"
        self.docker = self.path / "docker"
        self.agent = self.path / "agent"

    def settings(self) -> Settings | None:
        return self._read("settings.json", Settings)

    def plan(self) -> Plan | None:
        return self._read("plan.json", Plan)

    def report(self) -> Report | None:
        return self._read("report.json", Report)

    def supervisor(self) -> ProcessId | None:
        """The supervisor that runs now."""
        report = self.report()
        return report.supervisor if report is not None and report.supervisor.alive() else None

    def running_children(self) -> list[str]:
        """Names of the children that run now, whether or not a supervisor does."""
        report = self.report()
        children = report.children if report is not None else []
        return [child.name for child in children if child.process is not None and child.process.alive()]

    def write(self, value: Settings | Plan | Report) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        name = {Settings: "settings.json", Plan: "plan.json", Report: "report.json"}[type(value)]
        draft = self.path / f"{name}.new"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
        draft.replace(self.path / name)

    def forget(self) -> None:
        """As if nothing had been started; data and logs stay."""
        for name in ("settings.json", "plan.json", "report.json"):
            (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Only one process at a time holds a lock; LocalError says which one does. It goes with the process."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / f"{name}.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise LocalError(
                    f"another taskyard (pid {file.read().strip() or 'unknown'}) is at work in {self.path}",
                    hint="wait until it has finished, or choose another folder with --state-dir",
                ) from None
            file.seek(0)
            file.truncate()
            file.write(str(os.getpid()))
            file.flush()
            yield

    def _read(self, name: str, kind: type[T]) -> T | None:
        path = self.path / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise LocalError(
                f"{path} is damaged: {error}", hint="`taskyard down --purge` clears the folder, or delete the file"
            ) from error
