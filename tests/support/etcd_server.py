"""A real etcd for tests: one member or a cluster, on free ports of 127.0.0.1, killed, frozen and restarted at will.

Data and log stay in the folder that the test gives. Writes are synced to disk as in production: a test that kills etcd
must find what it was promised.
"""

from __future__ import annotations

import http
import http.client
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

_START_TIMEOUT = 30.0


class EtcdServer:
    """One member. `with EtcdServer(folder) as etcd:` starts it, waits until it is healthy, and kills it at the end."""

    def __init__(self, folder: Path, *, name: str = "etcd0", flags: Sequence[str] = ()) -> None:
        self.folder = folder
        self.name = name
        self.flags = list(flags)
        self.client_port, self.peer_port = free_ports(2)
        self.peers = f"{name}={self.peer_url}"
        """All members as name=peer URL; `etcd_cluster` sets it."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    @property
    def peer_url(self) -> str:
        return f"http://127.0.0.1:{self.peer_port}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def _data(self) -> Path:
        return self.folder / f"{self.name}.data"

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> None:
        """Starts it, on the same ports and data as before; `wait_healthy` waits for it."""
        assert self._process is None, f"{self.name} runs already"
        executable = shutil.which("etcd")
        assert executable, "etcd is not installed: apt-get install etcd-server"
        self.folder.mkdir(parents=True, exist_ok=True)
        client = f"http://{self.endpoint}"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    executable,
                    *("--name", self.name),
                    *("--data-dir", str(self._data)),
                    *("--listen-client-urls", client, "--advertise-client-urls", client),
                    *("--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url),
                    *("--initial-cluster", self.peers),
                    *("--logger", "zap", "--log-outputs", "stderr", "--log-level", "warn"),
                    *self.flags,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_healthy(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._healthy():
            exited = self._running().poll()
            assert exited is None, f"etcd ended with exit code {exited}:\n{self.log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"etcd is not healthy after {_START_TIMEOUT:.0f} s, see {self.log}"
            time.sleep(0.02)

    def stop(self) -> None:
        """SIGTERM: it shuts down in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a crash would. Nothing when it does not run."""
        if self._process is not None:
            self._end(signal.SIGKILL)

    def forget(self) -> None:
        """Loses all its data; only while it does not run."""
        shutil.rmtree(self._data)

    def save(self, folder: Path) -> None:
        """Copies its data; only while it does not run."""
        shutil.copytree(self._data, folder)

    def load(self, folder: Path) -> None:
        """Has the data that `save` put there, and no other; only while it does not run."""
        self.forget()
        shutil.copytree(folder, self._data)

    def restart(self) -> None:
        self.kill()
        self.start()
        self.wait_healthy()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nobody answers. Returns once all of its threads have stopped."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{process.pid}/task")
        deadline = time.monotonic() + 5
        while any(_state(each) != "T" for each in threads.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.001)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def __enter__(self) -> EtcdServer:
        self.start()
        try:
            self.wait_healthy()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def wipe(self) -> None:
        """Deletes every key, through etcd's own JSON gateway."""
        everything = {"key": "AA==", "range_end": "AA=="}  # base64 of the zero byte: from the first key, without an end
        self._ask("POST", "/v3/kv/deleterange", json.dumps(everything))

    def _end(self, how: signal.Signals) -> None:
        process = self._running()
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # a paused one would keep a SIGTERM waiting
        process.wait(timeout=20)
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    def _healthy(self) -> bool:
        try:
            return self._ask("GET", "/health").get("health") == "true"
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, object]:
        connection = http.client.HTTPConnection("127.0.0.1", self.client_port, timeout=5.0)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise OSError(f"{self.name}: {method} {path}: {response.status} {text.decode()}")
        answer: dict[str, object] = json.loads(text)
        return answer


@contextmanager
def etcd_cluster(folder: Path, size: int = 3) -> Iterator[list[EtcdServer]]:
    """Members of one cluster, healthy."""
    members = [EtcdServer(folder, name=f"etcd{number}") for number in range(size)]
    with ExitStack() as stack:
        for member in members:
            member.peers = ",".join(f"{other.name}={other.peer_url}" for other in members)
            stack.callback(member.kill)
            member.start()
        for member in members:
            member.wait_healthy()
        yield members


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now; held together, so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _state(thread: Path) -> str:
    """As proc(5) has it, after the name in brackets."""
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]
