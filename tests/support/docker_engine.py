"""A Docker Engine for tests: the one that DOCKER_HOST names, or a dockerd of our own that test processes share.

The first user starts dockerd in a folder under /tmp with a bridge of its own (one machine can have only one docker0),
the last one stops it by its pid and removes everything. `tests/conftest.py` makes a fixture of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker

IMAGE = "busybox:1.35"
_BASE = Path("/tmp/taskyard-docker")
_BRIDGE = "tytest0"
_SUBNET = "10.213.77.1/24"
_BUSYBOX = Path("/bin/busybox")


@dataclass(frozen=True, slots=True)
class DockerEngine:
    """A running engine that has `busybox:1.35`. `pid` is 0 when it is not ours to signal."""

    host: str
    pid: int

    def client(self, timeout: float = 120) -> docker.APIClient:
        return docker.APIClient(base_url=self.host, version="auto", timeout=int(timeout))

    def remove_all(self, label: str) -> None:
        """Removes every container with this label (`key=value`), one by one: dockerd wedges on many at once."""
        client = self.client()
        for container in client.containers(all=True, filters={"label": label}):
            with contextlib.suppress(docker.errors.NotFound):
                client.remove_container(container["Id"], force=True, v=True)
        client.close()


@contextlib.contextmanager
def running_docker_engine() -> Iterator[DockerEngine]:
    """Raises RuntimeError with dockerd's last words when none can be had."""
    named = os.environ.get("DOCKER_HOST", "")
    if named:
        _import_image(named)
        yield DockerEngine(named, 0)
        return
    user = _BASE / "users" / str(os.getpid())
    with _locked():
        _forget_dead_users()
        pid = _running_pid() or _start()
        user.parent.mkdir(exist_ok=True)
        user.touch()
        _import_image(_host())
    try:
        yield DockerEngine(_host(), pid)
    finally:
        with _locked():
            user.unlink(missing_ok=True)
            _forget_dead_users()
            if not any(user.parent.iterdir()):
                _stop(pid)


def _host() -> str:
    return f"unix://{_BASE}/docker.sock"


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    _BASE.mkdir(exist_ok=True)
    with open(_BASE.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_dead_users() -> None:
    users = _BASE / "users"
    for user in users.iterdir() if users.is_dir() else ():
        if not Path("/proc", user.name).exists():
            user.unlink()


def _running_pid() -> int:
    """The pid of our dockerd if it lives and answers, else 0."""
    try:
        pid = int((_BASE / "pid").read_text())
        if "dockerd" not in Path(f"/proc/{pid}/comm").read_text():
            return 0
    except (OSError, ValueError):
        return 0
    return pid if _answers() else 0


def _answers() -> bool:
    try:
        client = docker.APIClient(base_url=_host(), version="1.41", timeout=5)
        answer = client.ping()
        client.close()
    except (docker.errors.DockerException, OSError):
        return False
    return bool(answer)


def _start() -> int:
    """Starts dockerd as a child that outlives this process, waits until it answers, and returns its pid."""
    for needed in ("dockerd", "iptables"):
        if not shutil.which(needed):
            raise RuntimeError(f"{needed} is missing: apt-get install docker.io iptables")
    _remove_leftovers()
    subprocess.run(["ip", "link", "add", _BRIDGE, "type", "bridge"], check=False, capture_output=True)
    subprocess.run(["ip", "addr", "replace", _SUBNET, "dev", _BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", _BRIDGE, "up"], check=True)
    with open(_BASE / "log", "w") as log:
        process = subprocess.Popen(
            [
                *("dockerd", "--data-root", f"{_BASE}/data", "--exec-root", f"{_BASE}/exec"),
                *("-H", _host(), "--pidfile", f"{_BASE}/pid", "--bridge", _BRIDGE, "--live-restore"),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while not _answers():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"dockerd did not come up; its log ends with:\n{_log_tail()}")
        time.sleep(0.1)
    return process.pid


def _log_tail() -> str:
    return "\n".join((_BASE / "log").read_text(errors="replace").splitlines()[-15:])


def _stop(pid: int) -> None:
    with contextlib.suppress(docker.errors.DockerException, OSError):
        client = docker.APIClient(base_url=_host(), version="auto", timeout=60)
        for container in client.containers(all=True):
            client.remove_container(container["Id"], force=True, v=True)
        client.close()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 30
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    if _alive(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _remove_leftovers()
    subprocess.run(["ip", "link", "del", _BRIDGE], check=False, capture_output=True)


def _alive(pid: int) -> bool:
    """A zombie child of ours counts as gone, and is reaped."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _remove_leftovers() -> None:
    """Unmounts what a killed dockerd left mounted, then removes the folder's contents."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{_BASE}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
    for part in ("data", "exec", "log", "pid", "docker.sock"):
        path = _BASE / part
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _import_image(host: str) -> None:
    client = docker.APIClient(base_url=host, version="auto", timeout=60)
    try:
        client.inspect_image(IMAGE)
    except docker.errors.ImageNotFound:
        name, tag = IMAGE.split(":")
        client.import_image_from_data(_busybox_tar(), repository=name, tag=tag, changes=['CMD ["sh"]'])
    finally:
        client.close()


def _busybox_tar() -> bytes:
    """A root file system: busybox, a link for each of its applets, a /tmp and two users."""
    if not _BUSYBOX.exists():
        raise RuntimeError(f"{_BUSYBOX} is missing: apt-get install busybox-static")
    applets = subprocess.run([_BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(_BUSYBOX.resolve(), "bin/busybox")
        for applet in applets:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            if applet != "busybox":
                tar.addfile(link)
        for folder, mode in (("tmp", 0o1777), ("root", 0o700), ("www", 0o755)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        users = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(users)
        tar.addfile(entry, io.BytesIO(users))
    return buffer.getvalue()
