"""Looking into containers through control plane and agent, with the command line as people use it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import LiveCluster, free_port
from tests.support.docker_engine import DockerEngine

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
PATIENCE = 60


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, docker_engine: DockerEngine) -> Iterator[LiveCluster]:
    """One for all of them: nothing is broken here."""
    cluster = LiveCluster(tmp_path_factory.mktemp("inside"), docker_engine.host)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def task(live: LiveCluster) -> str:
    """Serves `hello` on loopback alone, port 80, which is not published."""
    start(live, "web", "mkdir /www; echo hello > /www/x; httpd -p 127.0.0.1:80 -h /www; while :; do sleep 0.1; done")
    return "web"


def start(live: LiveCluster, name: str, script: str, **spec: Any) -> None:
    body = {"image": "busybox:1.35", "command": ["sh", "-c", script], "stop": {"gracePeriod": 0}, **spec}
    live.apply({"apiVersion": "taskyard/v1", "kind": "Task", "metadata": {"name": name}, "spec": body})
    live.wait_state(name, "Running", PATIENCE)


def command(live: LiveCluster, *words: str) -> list[str]:
    return [f"{sys.prefix}/bin/taskyard", "--server", live.url, *words]


def taskyard(live: LiveCluster, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(live, *words), input=stdin, capture_output=True, timeout=PATIENCE, check=False)


def test_exec_has_both_outputs_and_the_exit_code(live: LiveCluster, task: str) -> None:
    done = taskyard(live, "exec", task, "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"err\n", 3)


def test_a_sidecar_is_named_by_exec_and_logs(live: LiveCluster) -> None:
    """It shares the network of the task, and nothing but that and the volumes."""
    beside = {"name": "beside", "command": ["sh", "-c", "echo from beside; while :; do sleep 0.1; done"]}
    script = "mkdir /www; echo from the task > /www/x; httpd -p 127.0.0.1:80 -h /www; while :; do sleep 0.1; done"
    start(live, "pair", script, sidecars=[beside])
    asked = taskyard(live, "exec", "-c", "beside", "pair", "--", "sh", "-c", "ls /www; wget -q -O - 127.0.0.1/x")
    assert asked.stdout == b"from the task\n"
    assert b"No such file" in asked.stderr
    assert taskyard(live, "logs", "pair", "-c", "beside").stdout == b"from beside\n"
    nobody = taskyard(live, "exec", "-c", "nobody", "pair", "--", "ls")
    assert b"nobody" in nobody.stderr
    assert nobody.returncode == 1


def test_exec_takes_input_of_any_size(live: LiveCluster, task: str) -> None:
    data = os.urandom(3 << 20)
    assert taskyard(live, "exec", "-i", task, "--", "cat", stdin=data).stdout == data


def test_exec_of_what_is_not_there(live: LiveCluster, task: str) -> None:
    missing = taskyard(live, "exec", task, "--", "nothing-such")
    assert missing.returncode in (126, 127)
    assert b"nothing-such" in missing.stdout + missing.stderr
    nobody = taskyard(live, "exec", "nobody", "--", "ls")
    assert b"there is no task 'nobody'" in nobody.stderr
    assert nobody.returncode == 1


def test_exec_chooses_user_folder_and_environment(live: LiveCluster, task: str) -> None:
    done = taskyard(
        live, "exec", "-u", "12:34", "-w", "/tmp", "-e", "A=b c", task, "--", "sh", "-c", "id -u; pwd; echo $A"
    )
    assert done.stdout == b"12\n/tmp\nb c\n"


def test_exec_passes_signals_on(live: LiveCluster, task: str) -> None:
    script = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen(command(live, "exec", task, "--", "sh", "-c", script), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == b"caught\n"
        assert child.wait(PATIENCE) == 5


def test_exec_does_not_outlive_its_line(live: LiveCluster, task: str) -> None:
    with subprocess.Popen(
        command(live, "exec", task, "--", "sh", "-c", "echo $$; exec sleep 987"), stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert int(child.stdout.readline())
        child.kill()

    def gone() -> bool:
        return b"sleep 987" not in taskyard(live, "exec", task, "--", "ps").stdout

    live.until(gone, PATIENCE, "the command has ended")


class Terminal:
    """A command on a pseudo terminal of its own."""

    def __init__(self, command: list[str]) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execv(command[0], command)
        self.text = b""

    def until(self, pattern: bytes) -> re.Match[bytes]:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.descriptor], [], [], deadline - time.monotonic())
            assert ready, f"no {pattern!r} in {self.text!r}"
            self.text += os.read(self.descriptor, 65536)
        self.text = self.text[found.end() :]
        return found

    def type(self, text: bytes) -> None:
        os.write(self.descriptor, text)

    def resize(self, rows: int, columns: int) -> None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_terminal_has_its_size_its_resizes_and_its_keys(live: LiveCluster, task: str) -> None:
    terminal = Terminal(command(live, "exec", "-it", task, "--", "sh"))
    terminal.until(rb"[#$] ")
    terminal.resize(33, 101)
    terminal.type(b"while ! stty size | grep -q '33 101'; do sleep 0.1; done; echo res''ized\n")
    terminal.until(rb"resized\r\n")
    terminal.type(b"echo be''gun; sleep 1000\n")
    terminal.until(rb"begun\r\n")
    terminal.type(b"\x03")
    terminal.until(rb"[#$] ")
    terminal.type(b"exit 9\n")
    assert terminal.wait() == 9


def test_attach_sees_what_is_written_and_leaves_it_running(live: LiveCluster) -> None:
    start(live, "talker", "trap 'exit 7' USR1; while :; do echo tick; sleep 0.2; done", restart={"policy": "never"})
    attached = command(live, "attach", "talker")
    with subprocess.Popen(attached, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"tick\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE) == 130
        assert child.stderr.read() == b"detached from task/talker, which runs on\n"
    assert live.state("talker") == "Running"
    terminal = Terminal(attached)
    terminal.until(rb"attached to task/talker: Ctrl-C detaches, and it runs on\r\n")
    terminal.until(rb"tick")
    terminal.type(b"\x03")
    terminal.until(rb"detached from task/talker, which runs on\r\n")
    assert terminal.wait() == 130
    with subprocess.Popen(command(live, "attach", "--sig-proxy", "talker"), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"tick\n"
        child.send_signal(signal.SIGUSR1)
        assert child.wait(PATIENCE) == 7


@contextmanager
def forwarded(live: LiveCluster, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command(live, "port-forward", *words), stderr=subprocess.PIPE) as child:
        try:
            assert child.stderr is not None
            assert b"forwarding" in child.stderr.readline()
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            assert child.wait(PATIENCE) == 130


def rest_of(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_port_that_only_listens_inside_is_reached(live: LiveCluster, task: str) -> None:
    port = free_port()
    with forwarded(live, task, f"{port}:80"):
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(b"GET /x HTTP/1.0\r\n\r\n")
                assert rest_of(connection).endswith(b"hello\n")


def test_many_are_forwarded_at_once(live: LiveCluster, task: str) -> None:
    """All connections stand before the first one asks."""
    ports = [free_port() for _ in range(2)]
    with forwarded(live, task, *(f"{port}:80" for port in ports)), ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            for port in ports
            for _ in range(20)
        ]
        for connection in connections:
            connection.sendall(b"GET /x HTTP/1.0\r\n\r\n")
        assert all(rest_of(connection).endswith(b"hello\n") for connection in connections)


def test_a_port_where_nothing_listens(live: LiveCluster, task: str) -> None:
    port = free_port()
    with forwarded(live, task, f"{port}:81") as child:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            assert connection.recv(1) == b""
        assert child.stderr is not None
        assert b"nothing answers on port 81 of the container" in child.stderr.readline()


def test_a_browsers_page_may_not_open_a_console(live: LiveCluster, task: str) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=PATIENCE) as connection:
        connection.sendall(
            f"GET /tasks/{task}/exec HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b" 403 " in connection.recv(65536).splitlines()[0]


def test_folders_go_in_and_come_back(live: LiveCluster, task: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "big").write_bytes(os.urandom(5 << 20))
    (source / "sub" / "link").symlink_to("../big")
    assert taskyard(live, "cp", str(source), f"{task}:/tmp").returncode == 0  # Into a folder that is there.
    assert taskyard(live, "cp", str(source / "big"), f"{task}:/tmp/renamed").returncode == 0
    listed = taskyard(
        live, "exec", task, "--", "sh", "-c", "cmp /tmp/source/big /tmp/renamed && readlink /tmp/source/sub/link"
    )
    assert listed.stdout == b"../big\n"
    done = taskyard(live, "cp", f"{task}:/tmp/source", str(tmp_path / "back"))
    assert b"1 file copied" in done.stderr
    assert (tmp_path / "back" / "big").read_bytes() == (source / "big").read_bytes()
    assert os.readlink(tmp_path / "back" / "sub" / "link") == "../big"


def test_copying_what_is_not_there(live: LiveCluster, task: str, tmp_path: Path) -> None:
    for words in ([f"{task}:/no/such", str(tmp_path)], ["/no/such", f"{task}:/tmp"]):
        done = taskyard(live, "cp", *words)
        assert (done.returncode, done.stderr[:6]) == (1, b"error:"), done
        assert words[0].startswith("/") or words[0].encode() in done.stderr, "by task and path"
    assert list(tmp_path.iterdir()) == []


def test_what_docker_would_copy_past_a_tmpfs_is_refused(live: LiveCluster, tmp_path: Path) -> None:
    volumes = [{"type": "tmpfs", "target": "/scratch"}]
    start(live, "scratch", "mkdir /scratch/sub; while :; do sleep 0.1; done", volumes=volumes)
    (tmp_path / "file").write_text("x")
    for words in (
        ["scratch:/scratch", str(tmp_path)],
        [str(tmp_path / "file"), "scratch:/scratch/"],
        [str(tmp_path / "file"), "scratch:/tmp/../scratch/sub"],
        ["scratch:/proc/version", str(tmp_path)],
    ):
        done = taskyard(live, "cp", *words)
        assert done.returncode == 1
        assert b"Docker cannot copy from there or to it" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert taskyard(live, "exec", "scratch", "--", "ls", "/scratch").stdout == b"sub\n"


@pytest.mark.differs_on_podman
def test_copying_to_where_nothing_is(live: LiveCluster, task: str, tmp_path: Path) -> None:
    done = taskyard(live, "cp", str(tmp_path), f"{task}:/no/such/x")
    assert (done.returncode, done.stderr[:6]) == (1, b"error:"), done


def test_a_container_cannot_write_outside_the_target(live: LiveCluster, task: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    script = "mkdir -p /tmp/bad && ln -sf ../../.. /tmp/bad/up"
    assert taskyard(live, "exec", task, "--", "sh", "-c", script).returncode == 0
    done = taskyard(live, "cp", f"{task}:/tmp/bad", str(target))
    assert b"a link to '../../..'" in done.stderr
    assert done.returncode == 1


def test_inspect_masks_the_environment(live: LiveCluster) -> None:
    start(live, "secretive", "sleep 1000", env={"PASSWORD": "s3cret"})
    done = taskyard(live, "inspect", "secretive")
    assert '"PASSWORD=***"' in done.stdout.decode()
    assert b"s3cret" not in done.stdout


def test_stats_show_what_was_used(live: LiveCluster, task: str) -> None:
    def measured() -> bool:
        return "▁" in taskyard(live, "stats", task, f"node/{live.node}").stdout.decode().splitlines()[1]

    live.until(measured, PATIENCE, "the agent has measured")


def test_top_shows_what_nodes_and_tasks_use(live: LiveCluster) -> None:
    start(live, "busy", "while :; do :; done", limits={"cpu": "200m"})

    def rows(*words: str) -> list[list[str]]:
        done = taskyard(live, "top", *words)
        assert done.returncode == 0, done
        return [line.split() for line in done.stdout.decode().splitlines()[1:]]

    def first() -> list[str]:
        found = rows("tasks", "--sort-by", "cpu")
        return found[0] if found and found[0][1] == "busy" else []

    row = live.until(first, PATIENCE, "the agent has measured the task that takes most")
    namespace, _, node, cpu = row[:4]
    assert (namespace, node) == ("default", live.node)
    assert 100 <= float(cpu.removesuffix("m")) <= 300, row
    (of_node,) = rows("nodes")
    assert of_node[0] == live.node
    assert of_node[2].endswith("%")


def test_logs_of_all_that_have_a_label(live: LiveCluster) -> None:
    for name, labels in (("red", {"team": "a"}), ("green", {"team": "a"}), ("blue", {"team": "b"})):
        body = {"image": "busybox:1.35", "command": ["sh", "-c", f"echo from {name}; sleep 1000"],
                "stop": {"gracePeriod": 0}}  # fmt: skip
        metadata = {"name": name, "labels": labels}
        live.apply({"apiVersion": "taskyard/v1", "kind": "Task", "metadata": metadata, "spec": body})
    for name in ("red", "green", "blue"):
        live.wait_state(name, "Running", PATIENCE)

    def written() -> bool:
        done = taskyard(live, "logs", "-l", "team=a")
        return sorted(done.stdout.splitlines()) == [b"green | from green", b"red   | from red"]

    live.until(written, PATIENCE, "both have written, each under its name")
