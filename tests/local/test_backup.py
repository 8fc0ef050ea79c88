"""Backups of a real etcd: what is in them, what brings it back, and what is refused."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskyard import keys
from taskyard.cli.main import main
from taskyard.keys import ObjectKey
from taskyard.local.backup import ABOUT, MANIFESTS, SNAPSHOT, extract, put_back, read_about, take
from taskyard.local.errors import LocalError
from taskyard.local.etcd import EtcdServer as OwnEtcd
from taskyard.local.state import Settings, StateFolder
from taskyard.objects import Metadata, NodeSpec, Owner, Secret, SecretSpec, Task, encode
from taskyard.store.api import Put, Store
from taskyard.store.etcd import EtcdStore
from tests.support.etcd_server import EtcdServer, free_ports
from tests.support.plane import a_task, a_uid

pytestmark = pytest.mark.etcd
NOW = 1_700_000_000.0


def put(store: Store, key: str, value: Task | Secret | NodeSpec | bytes) -> None:
    store.commit([], [Put(key, value if isinstance(value, bytes) else encode(value))])


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[EtcdServer]:
    (tmp_path / "etcd").mkdir()
    with EtcdServer(tmp_path / "etcd") as etcd:
        store = EtcdStore([etcd.endpoint])
        put(store, keys.task("default", "web"), a_task("web", a_uid(1)))
        owned = a_task("api-0", a_uid(2))
        metadata = Metadata(name="api-0", uid=a_uid(2), owner=Owner(kind="Service", name="api", uid=a_uid(9)))
        put(store, keys.task("default", "api-0"), Task(metadata=metadata, spec=owned.spec))
        put(store, keys.task("default", "going"), a_task("going", a_uid(3), deleted=True))
        secret = Secret(metadata=Metadata(name="db", namespace="shop"), spec=SecretSpec(data={"password": "hunter2"}))
        put(store, keys.object_key(ObjectKey("Secret", "shop", "db")), secret)
        put(store, keys.node_spec("n1"), NodeSpec(metadata=Metadata(name="n1"), labels={"zone": "a"}))
        put(store, keys.task("default", "odd"), b"{")
        store.close()
        yield etcd


def test_a_backup_holds_what_was_declared_and_the_whole_of_etcd(filled: EtcdServer, tmp_path: Path) -> None:
    target = tmp_path / "b.tar"
    about = take([filled.endpoint], target, NOW)
    assert about.objects == {"Node": 1, "Secret": 1, "Task": 1}
    assert about.unreadable == [keys.task("default", "odd")]
    assert read_about(target) == about
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    paths = extract(target, tmp_path / "x")
    assert [path.name for path in paths] == [ABOUT, MANIFESTS, SNAPSHOT]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in paths)
    text = paths[1].read_text()
    assert text.index("kind: Node") < text.index("kind: Secret") < text.index("kind: Task")
    assert "hunter2" in text
    assert "api-0" not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "etcd", "x"]


def test_it_comes_back_as_it_was_and_what_was_there_is_put_aside(filled: EtcdServer, tmp_path: Path) -> None:
    target = tmp_path / "b.tar"
    take([filled.endpoint], target, NOW)
    folder = StateFolder(tmp_path / "state")
    old = folder.etcd / "data" / "old"
    old.mkdir(parents=True)
    before = put_back(target, folder, None, NOW)
    assert before is not None
    assert (before / "old").is_dir()
    ports = free_ports(2)
    restored = OwnEtcd(folder.etcd, client_port=ports[0], peer_port=ports[1])
    restored.start()
    try:
        restored.wait_ready()
        first, second = EtcdStore([filled.endpoint]), EtcdStore([restored.endpoint])
        was, now = first.list(""), second.list("")
        assert [(each.key, each.value) for each in now.entries] == [(each.key, each.value) for each in was.entries]
        assert now.revision == was.revision
        first.close()
        second.close()
    finally:
        restored.stop()


def test_what_is_damaged_or_no_backup_changes_nothing(filled: EtcdServer, tmp_path: Path) -> None:
    target = tmp_path / "b.tar"
    take([filled.endpoint], target, NOW)
    folder = StateFolder(tmp_path / "state")
    kept = folder.etcd / "data" / "kept"
    kept.mkdir(parents=True)
    with tarfile.open(target) as archive:
        at = archive.getmember(SNAPSHOT).offset_data + 10_000
    with target.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(LocalError, match="its checksum is another"):
        put_back(target, folder, None, NOW)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(LocalError, match="is no backup of Taskyard"):
        put_back(tmp_path / "text", folder, None, NOW)
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(tmp_path / "text", "text")
    with pytest.raises(LocalError, match=f"there is no {ABOUT} in it"):
        put_back(tmp_path / "other.tar", folder, None, NOW)
    assert kept.is_dir()
    assert [path.name for path in folder.etcd.iterdir()] == ["data"]


def test_an_etcd_that_is_not_up_s_own_is_left_alone(filled: EtcdServer, tmp_path: Path) -> None:
    target = tmp_path / "b.tar"
    take([filled.endpoint], target, NOW)
    settings = Settings(
        host="127.0.0.1",
        port=8080,
        etcd=["10.0.0.1:2379"],
        own_etcd=False,
        docker="unix:///x",
        own_docker=False,
        cluster="c",
        node="n",
    )
    with pytest.raises(LocalError, match=r"an etcd that it does not run \(10\.0\.0\.1:2379\)"):
        put_back(target, StateFolder(tmp_path / "state"), settings, NOW)


def test_an_etcd_that_is_not_there_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="no backup was made"):
        take([f"127.0.0.1:{free_ports(1)[0]}"], tmp_path / "b.tar", NOW)
    assert list(tmp_path.iterdir()) == []


def test_as_commands(filled: EtcdServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, state = str(tmp_path / "b.tar"), str(tmp_path / "state")
    assert main(["backup", target, "--etcd", filled.endpoint]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{target}: revision ")
    assert captured.out.endswith(": 1 node, 1 secret, 1 task\n")
    assert "cannot be read: /taskyard/v1/tasks/default/odd" in captured.err
    assert main(["restore", target, "--show"]) == 0
    assert "     1 Secret\n" in capsys.readouterr().out
    assert main(["restore", target, "--state-dir", state]) == 0
    assert os.listdir(f"{state}/etcd") == ["data"]
    assert main(["restore", target, "--show", "--apply"]) != 0
