"""Files of Secrets and Configs: in memory, closed to others on the node, and changed all at once."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.names import Owner
from nodeagent.value_files import FileSettings, FilesRefused, ValueFiles

OWNER = Owner("test", "n1")
UID = "0123456789ab"
SETTINGS = FileSettings(0o440, os.geteuid(), os.getegid())


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def files(memory: Path) -> ValueFiles:
    return ValueFiles(memory, OWNER)


def test_each_value_is_a_file_of_its_mode(files: ValueFiles) -> None:
    folder = files.write(UID, "/run/db", {"user": "me", "password": "pa55"}, SETTINGS)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith("..")) == ["password", "user"]
    assert (folder / "password").read_text() == "pa55"
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o440
    assert files.read(UID, "/run/db") == {"user": "me", "password": "pa55"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_they_belong_to_whom_the_task_says(files: ValueFiles) -> None:
    found = (files.write(UID, "/a", {"x": "1"}, FileSettings(0o400, 1000, 2000)) / "x").stat()
    assert (found.st_uid, found.st_gid) == (1000, 2000)


def test_nobody_else_on_the_node_gets_there(files: ValueFiles, memory: Path) -> None:
    files.write(UID, "/a", {"x": "1"}, SETTINGS)
    (root,) = memory.iterdir()
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_a_change_replaces_all_of_them_at_once(files: ValueFiles) -> None:
    folder = files.write(UID, "/a", {"one": "1", "gone": "x"}, SETTINGS)
    before = os.open(folder / "one", os.O_RDONLY)
    held = (folder / "one").resolve().parent
    assert files.write(UID, "/a", {"one": "2", "two": "2"}, SETTINGS) == folder
    assert os.read(before, 10) == b"1"
    os.close(before)
    assert not held.exists()
    assert {path.name: path.read_text() for path in folder.iterdir() if path.name[0] != "."} == {"one": "2", "two": "2"}
    assert len({path.resolve().parent for path in folder.iterdir() if path.name[0] != "."}) == 1


def test_another_agent_of_the_same_node_goes_on_with_them(files: ValueFiles, memory: Path) -> None:
    folder = files.write(UID, "/a", {"one": "1"}, SETTINGS)
    after = ValueFiles(memory, OWNER)
    assert after.uids() == [UID]
    assert after.read(UID, "/a") == {"one": "1"}
    after.write(UID, "/a", {"one": "2"}, SETTINGS)
    assert (folder / "one").read_text() == "2"


def test_agents_that_share_a_folder_do_not_see_each_other(files: ValueFiles, memory: Path) -> None:
    files.write(UID, "/a", {"one": "1"}, SETTINGS)
    other = ValueFiles(memory, Owner("test", "n2"))
    assert other.uids() == []
    other.remove(UID)
    assert files.read(UID, "/a") == {"one": "1"}


def test_they_go_with_the_task(files: ValueFiles, memory: Path) -> None:
    files.write(UID, "/a", {"one": "1"}, SETTINGS)
    files.write(UID, "/b", {"two": "1"}, SETTINGS)
    files.remove(UID)
    assert files.uids() == []
    assert files.read(UID, "/a") is None
    assert [path for path in memory.rglob("*") if path.is_file()] == []


def test_what_is_gone_is_not_renewed(files: ValueFiles, memory: Path) -> None:
    folder = files.write(UID, "/a", {"one": "1"}, SETTINGS)
    assert files.renew(UID, "/a", {"one": "2"}, SETTINGS)
    assert (folder / "one").read_text() == "2"
    version = files.version(UID)
    files.remove(UID)
    assert not files.renew(UID, "/a", {"one": "3"}, SETTINGS)
    assert [path for path in memory.rglob("*") if path.is_file()] == []
    assert files.uids() == []
    assert files.version(UID) != version


def test_a_disk_is_no_place_for_them(tmp_path: Path) -> None:
    with pytest.raises(FilesRefused, match=r"on a disk.*--secrets-dir"):
        ValueFiles(tmp_path, OWNER).write(UID, "/a", {"one": "1"}, SETTINGS)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_link_in_the_way_is_not_followed(memory: Path, tmp_path: Path) -> None:
    (memory / "mine").symlink_to(tmp_path)
    with pytest.raises(FilesRefused, match="not the agent's own"):
        ValueFiles(memory / "mine", OWNER).write(UID, "/a", {"one": "1"}, SETTINGS)
