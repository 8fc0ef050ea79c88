"""A Docker Engine of our own, with everything in one folder: how it is started, when it is ready, how it is ended.

`taskyard up` and the tests' docker_engine fixture both start it from here. Installing it is taskyard/local/packages.
`python -m taskyard.local.dockerd FOLDER` prepares the folder, and becomes its dockerd.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from taskyard.local import bridge, cgroups
from taskyard.local.engine import Engine
from taskyard.local.errors import LocalError
from taskyard.local.process import ProcessId, identify, spawn, stop

_LONGEST_SOCKET = 107
"""Bytes that Linux takes as the path of a Unix socket."""


class Dockerd:
    """One dockerd in `folder`, which nothing else may use. Inert until `start`.

    Only one dockerd can own a bridge (see `other_dockerd`), so a second one on a machine needs `own_bridge`.
    `live_restore` keeps containers running while dockerd is away, at the price of Swarm mode. `network`: the network
    namespace that it is to live in, where a `docker0` of its own awaits it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        live_restore: bool = True,
        own_bridge: bridge.Bridge | None = None,
        log: Path | None = None,
        network: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.network = network
        self.live_restore = live_restore
        self.own_bridge = own_bridge
        self.log = log or self.folder / "dockerd.log"
        self.socket = self.folder / "docker.sock"
        self.data = self.folder / "data"
        self.exec_root = self.folder / "exec"
        self.pidfile = self.folder / "pid"
        self.engine = Engine(f"unix://{self.socket}")
        self._started: subprocess.Popen[bytes] | None = None

    def argv(self) -> list[str]:
        command = [
            *(["nsenter", f"--net={self.network}", "--"] if self.network is not None else []),
            executable(),
            *("--data-root", str(self.data)),
            *("--exec-root", str(self.exec_root)),
            *("-H", f"unix://{self.socket}"),
            *("--pidfile", str(self.pidfile)),
            *("--config-file", str(self.folder / "daemon.json")),  # not the machine's own in /etc/docker
        ]
        if self.own_bridge is not None:
            command += ["--bridge", self.own_bridge.name]
        return [*command, "--live-restore"] if self.live_restore else command

    def prepare(self) -> str:
        """All that has to hold before `argv` is run. Returns what it changed on the machine, for the user to read."""
        longest = self.exec_root / "containerd" / "containerd-debug.sock"
        if len(str(longest).encode()) > _LONGEST_SOCKET:
            raise LocalError(
                f"{self.folder}: this path is too long for a Unix socket (Linux takes {_LONGEST_SOCKET} bytes, and"
                f" {longest} has {len(str(longest).encode())})",
                hint="choose a shorter --state-dir",
            )
        name = self.own_bridge.name if self.own_bridge is not None else bridge.DEFAULT
        other = other_dockerd(self.folder, name, self.network)
        if other is not None:
            raise LocalError(
                f"another dockerd runs on this machine ({other}), and only one can own the bridge {name}",
                hint="use that one, by setting DOCKER_HOST to its socket (the -H in its command), or stop it",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "daemon.json").write_text("{}\n")
        self._forget_dead_pid()
        if self.own_bridge is not None:
            self.own_bridge.create()
        return cgroups.ensure_mounted()

    def start(self) -> ProcessId:
        """Prepares, and starts it in a session of its own. Call `wait_ready` next."""
        self.prepare()
        self._started = spawn(self.argv(), self.log)
        process = identify(self._started.pid)
        if process is None:
            raise LocalError("dockerd ended as soon as it was started", log=self.log)
        return process

    def wait_ready(self, timeout: float = 60.0) -> None:
        """About 10 s on a fresh folder, 1 s on a used one. LocalError with the end of the log otherwise."""
        deadline = time.monotonic() + timeout
        while not self.engine.ping():
            if self._started is not None and self._started.poll() is not None:
                raise LocalError(f"dockerd ended with exit code {self._started.returncode}", log=self.log)
            if time.monotonic() > deadline:
                raise LocalError(f"dockerd did not answer at {self.socket} within {timeout:.0f} s", log=self.log)
            time.sleep(0.1)

    def running(self) -> ProcessId | None:
        """The dockerd that uses this folder, whoever started it."""
        return self._recorded(self.pidfile)

    def stop(self, grace: float = 30.0) -> None:
        """Ends dockerd, its containerd, and what a crash of either left behind. Containers should be removed before:
        without live-restore they are stopped with it, with it they are killed here."""
        process = self.running()
        if process is not None:
            stop([process], grace=grace)
        if self._started is not None:
            self._started.wait()
        stop(self._leftovers(), grace=5.0)
        self._unmount()
        if self.own_bridge is not None:
            self.own_bridge.delete()

    def has_containers(self) -> bool:
        """Whether the folder still holds containers, without asking dockerd."""
        folder = self.data / "containers"
        return folder.is_dir() and any(folder.iterdir())

    def purge(self) -> None:
        """Deletes the folder. Only after `stop`."""
        self._unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _recorded(self, pidfile: Path) -> ProcessId | None:
        """The process that the file names, if it runs and is of this folder."""
        try:
            process = identify(int(pidfile.read_text()))
        except (OSError, ValueError):
            return None
        return process if process is not None and f"{self.folder}/" in " ".join(_command(process.pid)) else None

    def _leftovers(self) -> list[ProcessId]:
        """containerd, its shims and what runs in them: they name our folder in their commands, or descend from one."""
        roots = [p for p in psutil.process_iter() if str(self.exec_root) in " ".join(_command(p.pid))]
        found = {process.pid: process for root in roots for process in [root, *_descendants(root)]}
        return [process for pid in found if (process := identify(pid)) is not None]

    def _unmount(self) -> None:
        try:
            lines = Path("/proc/mounts").read_text().splitlines()
        except OSError:
            return
        targets = [line.split()[1].replace("\\040", " ") for line in lines]
        for target in reversed([t for t in targets if t.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "-l", target], capture_output=True, check=False)

    def _forget_dead_pid(self) -> None:
        """dockerd believes these files: while any process has dockerd's old pid it does not start, and for a containerd
        whose pid is not free yet (a zombie's, for one) it waits 15 s."""
        for pidfile in (self.pidfile, self.exec_root / "containerd" / "containerd.pid"):
            if self._recorded(pidfile) is None:
                pidfile.unlink(missing_ok=True)


def executable() -> str:
    """dockerd's path; it is often in a folder that only root has on PATH. LocalError when there is none."""
    found = shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise LocalError("dockerd is not installed", hint="apt-get install docker.io iptables")
    return found


def other_dockerd(folder: Path, bridge_name: str, network: Path | None = None) -> str | None:
    """Pid and command of a dockerd that does not live in `folder` and uses this bridge, in this network namespace (or
    in ours), or None."""
    here = _inode(network or Path("/proc/self/ns/net"))
    for process in psutil.process_iter(["name"]):
        if process.info["name"] != "dockerd" or _inode(Path(f"/proc/{process.pid}/ns/net")) not in (here, 0):
            continue
        command = _command(process.pid)
        if command and str(folder.resolve() / "data") not in command and bridge.used_by(command) == bridge_name:
            return f"pid {process.pid}: {' '.join(command)}"
    return None


def _inode(namespace: Path) -> int:
    """0 where it may not be read."""
    try:
        return namespace.stat().st_ino
    except OSError:
        return 0


def _command(pid: int) -> list[str]:
    try:
        return list(psutil.Process(pid).cmdline())
    except psutil.Error:
        return []


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _main() -> None:
    dockerd = Dockerd(Path(sys.argv[1]))
    try:
        dockerd.prepare()
        os.execv(dockerd.argv()[0], dockerd.argv())
    except LocalError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    _main()
