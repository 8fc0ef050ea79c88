"""What `up` finds out about a machine: packages, ports, control groups, bridges, names; and what it plans from that."""

from __future__ import annotations

import os
import socket
import tarfile
from pathlib import Path

import pytest

from taskyard.local import bridge, cgroups, demo_image, packages
from taskyard.local.attached import news
from taskyard.local.dockerd import Dockerd
from taskyard.local.errors import LocalError
from taskyard.local.ports import holder, is_free, next_free
from taskyard.local.process import identify
from taskyard.local.settle import Wishes, disagreements, plan, settle
from taskyard.local.state import ChildReport, Settings, StateFolder

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'
UBUNTU = 'PRETTY_NAME="Ubuntu 24.04"\nID=ubuntu\nID_LIKE=debian\n'
FEDORA = 'PRETTY_NAME="Fedora Linux 40"\nID=fedora\n'
SETTINGS = Settings(
    host="127.0.0.1",
    port=8080,
    etcd=["127.0.0.1:2379"],
    own_etcd=True,
    peer_port=2380,
    docker="unix:///run/d.sock",
    own_docker=False,
    cluster="local-1",
    node="n1",
)


@pytest.mark.parametrize(
    ("release", "root", "apt", "words"),
    [
        pytest.param(DEBIAN, True, True, "", id="root on Debian"),
        pytest.param(UBUNTU, True, True, "", id="root on something like it"),
        pytest.param(DEBIAN, False, True, "only root", id="not root"),
        pytest.param(FEDORA, True, False, "Fedora Linux 40", id="another distribution"),
        pytest.param("", True, False, "unknown", id="no os-release"),
        pytest.param(DEBIAN, True, False, "not a Debian", id="Debian without apt"),
    ],
)
def test_packages_are_installed_by_root_on_debian_alone(release: str, root: bool, apt: bool, words: str) -> None:
    refusal = packages.refusal(release, root=root, apt=apt)
    assert bool(refusal) is bool(words)
    assert words in refusal


def test_missing_programs_are_named_with_the_command_that_installs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    program = packages.Program("no-such-program", ("no-such-package",))
    with pytest.raises(LocalError) as raised:
        packages.ensure([program], tmp_path / "log", print)
    assert "no-such-program" in str(raised.value)
    assert "apt-get install no-such-package" in str(raised.value)


def test_a_taken_port_is_passed_over_and_its_holder_named() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
        assert next_free(port) > port
        assert f"(pid {os.getpid()})" in holder(port)
    assert is_free(port)


@pytest.mark.parametrize(
    ("mounts", "mounted"),
    [
        pytest.param("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", True, id="version 2"),
        pytest.param("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n", True, id="version 1"),
        pytest.param("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n", False, id="only the folder"),
        pytest.param("sysfs /sys sysfs rw 0 0\n", False, id="nothing"),
    ],
)
def test_control_groups_are_seen(mounts: str, mounted: bool) -> None:
    assert cgroups.mounted(mounts) is mounted


def test_only_enabled_controllers_are_mounted() -> None:
    table = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t2\t1\nmemory\t2\t9\t1\nrdma\t0\t1\t0\n"
    assert cgroups.controllers(table) == ["cpu", "memory"]


@pytest.mark.parametrize(
    ("command", "used"),
    [
        pytest.param(["dockerd"], "docker0", id="the usual one"),
        pytest.param(["dockerd", "--bridge", "b1"], "b1", id="apart"),
        pytest.param(["dockerd", "--bridge=b2", "-D"], "b2", id="with an equals sign"),
        pytest.param(["dockerd", "-b", "none"], "none", id="short"),
    ],
)
def test_bridge_of_a_dockerd(command: list[str], used: str) -> None:
    assert bridge.used_by(command) == used


def test_a_folder_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="too long") as raised:
        Dockerd(tmp_path / ("x" * 90)).prepare()
    assert "--state-dir" in str(raised.value)


def test_a_bad_node_name_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="--node: 'Web_01' is not a node's name: write 1 to 253 lower-case"):
        settle(StateFolder(tmp_path), Wishes(node="Web_01"), None, (), print)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        pytest.param(Wishes(), [], id="nothing said"),
        pytest.param(Wishes(port=8080, node="n1"), [], id="the same again"),
        pytest.param(Wishes(port=9000), ["9000"], id="another port"),
        pytest.param(Wishes(etcd="10.0.0.1"), ["10.0.0.1"], id="another etcd"),
        pytest.param(Wishes(etcd="own"), [], id="its own etcd, which it has"),
        pytest.param(Wishes(node="n2"), ["n2"], id="another node"),
    ],
)
def test_disagreements_with_what_runs(wishes: Wishes, words: list[str]) -> None:
    found = disagreements(SETTINGS, wishes)
    assert len(found) == len(words)
    assert all(word in line for word, line in zip(words, found, strict=True))


def test_only_what_is_ours_is_in_the_plan(tmp_path: Path) -> None:
    children = plan(StateFolder(tmp_path), SETTINGS).children
    assert [child.name for child in children] == ["etcd", "controlplane", "agent"]
    assert "local-1" in children[-1].argv
    assert all(child.log.startswith(str(tmp_path)) for child in children)


def test_the_demo_image_has_a_shell() -> None:
    with tarfile.open(fileobj=demo_image.archive(b"\x7fELF", ["sh", "httpd"])) as tar:
        names = {entry.name: entry for entry in tar.getmembers()}
    assert names["bin/busybox"].mode & 0o111
    assert names["bin/sh"].linkname == "busybox"
    assert {"tmp", "etc/passwd", "bin/httpd"} <= names.keys()


def test_news_of_children() -> None:
    here = identify(os.getpid())
    before = {"etcd": ChildReport(name="etcd", process=here)}
    ended = {"etcd": ChildReport(name="etcd", restarts=1, last_exit="killed by SIGKILL")}
    assert news(before, ended) == ["etcd ended (killed by SIGKILL) and is started again"]
    again = {"etcd": ChildReport(name="etcd", restarts=1, process=here)}
    assert news(ended, again) == [f"etcd runs again (pid {os.getpid()})"]
    assert news(again, again) == []
