"""An etcd member of our own for one machine: its command, where it listens, when it is healthy.

Used by `taskyard up` and by tests that need a plain etcd. It never compacts by itself: the history that time travel
reads is the control plane's to keep or drop.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
from pathlib import Path

from taskyard.local.errors import LocalError
from taskyard.local.process import ProcessId, identify, spawn, stop

DEFAULT_PORT = 2379


class EtcdServer:
    """One etcd in `folder`, on loopback only. Inert until `start`."""

    def __init__(self, folder: Path, *, client_port: int, peer_port: int, log: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.log = log or self.folder / "etcd.log"
        self.client_port = client_port
        self.peer_port = peer_port
        self._started: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    def argv(self) -> list[str]:
        client, peer = f"http://{self.endpoint}", f"http://127.0.0.1:{self.peer_port}"
        return [
            executable(),
            *("--name", "local"),
            *("--data-dir", str(self.folder / "data")),
            *("--listen-client-urls", client),
            *("--advertise-client-urls", client),
            *("--listen-peer-urls", peer),
            *("--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"local={peer}"),
            *("--auto-compaction-retention", "0"),
            *("--quota-backend-bytes", str(8 * 2**30)),
            *("--logger", "zap", "--log-outputs", "stderr"),
        ]

    def start(self) -> ProcessId:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._started = spawn(self.argv(), self.log)
        process = identify(self._started.pid)
        if process is None:
            raise LocalError("etcd ended as soon as it was started", log=self.log)
        return process

    def wait_ready(self, timeout: float = 30.0) -> None:
        deadline = time.monotonic() + timeout
        while not healthy(self.endpoint):
            if self._started is not None and self._started.poll() is not None:
                raise LocalError(f"etcd ended with exit code {self._started.returncode}", log=self.log)
            if time.monotonic() > deadline:
                raise LocalError(f"etcd was not healthy at {self.endpoint} within {timeout:.0f} s", log=self.log)
            time.sleep(0.05)

    def stop(self, grace: float = 10.0) -> None:
        if self._started is None:
            return
        process = identify(self._started.pid)
        if process is not None:
            stop([process], grace=grace)
        self._started.wait()
        self._started = None

    def kill(self) -> None:
        """As a crash would: SIGKILL, and nothing cleaned up."""
        if self._started is not None:
            self._started.kill()
            self._started.wait()
            self._started = None


def executable() -> str:
    found = shutil.which("etcd")
    if found is None:
        raise LocalError("etcd is not installed", hint="apt-get install etcd-server etcd-client")
    return found


def healthy(endpoint: str, timeout: float = 1.0) -> bool:
    """Whether an etcd answers at `host:port`, has a leader and takes writes."""
    host, _, port = endpoint.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
    try:
        connection.request("GET", "/health")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(answer, dict) and answer.get("health") in ("true", True)
