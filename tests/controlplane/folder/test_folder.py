"""The loop on real files, a store in memory and virtual time: what is saved is applied, and nothing else is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from controlplane.admission import ObjectWriter
from taskyard import keys
from taskyard.objects import Metadata, Task, TaskSpec
from taskyard.store.faulty import FaultyStore
from taskyard.store.memory import MemoryStore
from tests.support.folder import WatchedFolder, manifest
from tests.support.plane import Plane


@pytest.fixture
def watched(tmp_path: Path) -> WatchedFolder:
    (tmp_path / "demo").mkdir()
    return WatchedFolder(tmp_path / "demo")


def test_saving_applies_and_deleting_removes(watched: WatchedFolder) -> None:
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    assert watched.tasks()["web"].metadata.source == "folder/demo"
    watched.write("web.yaml", manifest("web", "busybox:new"))
    watched.settle()
    assert watched.tasks()["web"].spec.image == "busybox:new"
    assert watched.tasks()["web"].metadata.generation == 2
    watched.delete("web.yaml")
    watched.settle()
    assert watched.tasks() == {}


@pytest.mark.parametrize("text", ["", "kind: [", "# only a comment"], ids=["empty", "broken", "comment"])
def test_a_bad_file_changes_nothing_and_is_told_once(watched: WatchedFolder, text: str) -> None:
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    watched.write("web.yaml", text)
    watched.settle(120)
    assert list(watched.tasks()) == ["web"]
    assert ("BadManifest", 1) in watched.told()


def test_a_file_deleted_while_nobody_watched_is_noticed(watched: WatchedFolder) -> None:
    for name in ("a", "b", "c"):
        watched.write(f"{name}.yaml", manifest(name))
    watched.settle()
    watched.delete("b.yaml")
    watched.restarted()
    watched.settle()
    assert sorted(watched.tasks()) == ["a", "c"]


def test_the_guard_holds_after_a_restart_and_can_be_lifted(watched: WatchedFolder) -> None:
    for name in ("a", "b", "c", "d"):
        watched.write(f"{name}.yaml", manifest(name))
    watched.settle()
    shutil.rmtree(watched.path)
    watched.path.mkdir()
    watched.restarted()
    watched.settle(70)
    assert sorted(watched.tasks()) == ["a", "b", "c", "d"]
    assert ("RemovalHeld", 1) in watched.told()
    watched.write(".allow-removal", "")
    watched.settle()
    assert watched.tasks() == {}


NAMESPACE = "apiVersion: taskyard/v1\nkind: Namespace\nmetadata: {name: default}\nspec: {%s}\n"


def test_a_task_beyond_its_namespaces_limits_is_told_and_applied_once_it_is_within(watched: WatchedFolder) -> None:
    watched.write("default.yaml", NAMESPACE % "limits: {memory: {max: 64Mi}}")
    watched.write("web.yaml", manifest("web"))
    watched.settle(30)
    assert watched.tasks() == {}
    assert ("Refused", 1) in watched.told()
    watched.write("web.yaml", manifest("web").replace("{image", "{resources: {memory: 32Mi}, image"))
    watched.settle()
    assert watched.tasks()["web"].spec.resources.memory == "32Mi"


def test_defaults_are_filled_in_once_and_no_look_after_that_changes_anything(watched: WatchedFolder) -> None:
    watched.write("default.yaml", NAMESPACE % "defaults: {resources: {memory: 64Mi}}")
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    before = watched.plane.store.get(keys.task("default", "web"))
    assert watched.tasks()["web"].spec.resources.memory == "64Mi"
    watched.write("default.yaml", NAMESPACE % "defaults: {resources: {memory: 32Mi}}")
    watched.settle(120)
    watched.restarted()
    watched.settle(120)
    assert watched.plane.store.get(keys.task("default", "web")) == before
    watched.write("web.yaml", manifest("web", "busybox:new"))
    watched.settle()
    assert watched.tasks()["web"].spec.resources.memory == "32Mi"


def test_a_folder_that_went_away_changes_nothing(watched: WatchedFolder) -> None:
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    shutil.rmtree(watched.path)
    watched.folder.changed()
    watched.settle(70)
    assert list(watched.tasks()) == ["web"]
    assert ("BadManifest", 1) in watched.told()


def test_a_rename_is_no_removal(watched: WatchedFolder) -> None:
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    uid = watched.tasks()["web"].metadata.uid
    os.replace(watched.path / "web.yaml", watched.path / "site.yaml")
    watched.folder.changed()
    watched.settle()
    assert watched.tasks()["web"].metadata.uid == uid
    assert watched.tasks()["web"].metadata.generation == 1


def test_saving_by_deleting_first_is_no_removal(watched: WatchedFolder) -> None:
    """The file is away for longer than the debounce, but not for long."""
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    uid = watched.tasks()["web"].metadata.uid
    watched.delete("web.yaml")
    watched.settle(0.8)
    watched.write("web.yaml", manifest("web", "busybox:new"))
    watched.settle()
    assert watched.tasks()["web"].metadata.uid == uid
    assert watched.tasks()["web"].spec.image == "busybox:new"


def test_lost_events_are_made_up_for(watched: WatchedFolder) -> None:
    watched.settle()
    (watched.path / "web.yaml").write_text(manifest("web"))
    watched.settle(31)
    assert list(watched.tasks()) == ["web"]


def test_what_someone_deletes_by_hand_comes_back(watched: WatchedFolder) -> None:
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    watched.plane.delete(keys.task("default", "web"))
    watched.settle(1)
    assert list(watched.tasks()) == ["web"]


def test_a_person_who_takes_over_is_left_alone(watched: WatchedFolder) -> None:
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    theirs = replace(watched.tasks()["web"], spec=TaskSpec(image="busybox:theirs"))
    ObjectWriter(watched.plane.store, watched.plane.clock).apply(theirs, "", take_over=True)
    watched.settle(70)
    assert watched.tasks()["web"].metadata.source == ""
    assert ("TakenOver", 1) in watched.told()


def test_two_folders_do_not_fight(tmp_path: Path) -> None:
    plane = Plane()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first, second = WatchedFolder(tmp_path / "one", plane), WatchedFolder(tmp_path / "two", plane)
    first.write("web.yaml", manifest("web", "busybox:one"))
    first.settle()
    second.write("web.yaml", manifest("web", "busybox:two"))
    for _ in range(5):
        first.settle(31)
        second.settle(31)
    assert watched_image(first) == "busybox:one"
    assert first.tasks()["web"].metadata.generation == 1
    assert ("DeclaredElsewhere", 1) in second.told()
    first.delete("web.yaml")
    first.settle()
    second.settle(31)
    assert watched_image(second) == "busybox:two"


def test_an_own_takeover_is_not_mistaken_for_a_persons(watched: WatchedFolder) -> None:
    """The cache may still show the state before our own write when the folder is looked at again."""
    writer = ObjectWriter(watched.plane.store, watched.plane.clock)
    watched.write("web.yaml", manifest("web"))
    watched.settle(0.2)  # within the debounce: nothing is written yet
    writer.apply(Task(metadata=Metadata(name="web"), spec=TaskSpec(image="busybox:old")), "")
    watched.plane.elector.step()
    watched.plane.pump()
    for _ in range(2):  # the second look with the cache as it was
        watched.folder.changed()
        watched.plane.clock.advance(1)
        watched.folder.step()
    watched.settle()
    assert watched.tasks()["web"].metadata.source == "folder/demo"
    assert not [reason for reason, _ in watched.told() if reason == "TakenOver"]


def test_only_the_leader_acts_and_a_deposed_one_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    leader = WatchedFolder(tmp_path / "demo")
    leader.settle(1)
    follower = Plane(clock=leader.plane.clock, store=leader.plane.store, identity="cp2")
    other = WatchedFolder(tmp_path / "demo", follower)
    (tmp_path / "demo" / "web.yaml").write_text(manifest("web"))
    other.settle(3)
    assert other.tasks() == {}
    fence = leader.plane.elector.fence
    leader.plane.store.revoke(next(e.lease for e in leader.plane.store.list(keys.LEADERS).entries))
    assert fence() is not None  # it does not know yet
    leader.folder.changed()
    leader.plane.clock.advance(1)
    leader.folder.step()
    assert leader.tasks() == {}


def test_many_files_are_applied_in_few_commits(watched: WatchedFolder) -> None:
    for number in range(250):
        (watched.path / f"t{number:03}.yaml").write_text(manifest(f"t{number:03}"))
    watched.folder.changed()
    watched.settle()
    assert len(watched.tasks()) == 250
    revisions = {entry.mod_revision for entry in watched.plane.store.list(keys.TASKS).entries}
    assert len(revisions) <= 4


def watched_image(watched: WatchedFolder) -> str:
    return watched.tasks()["web"].spec.image


def test_a_store_that_was_wiped_gets_everything_again(watched: WatchedFolder, tmp_path: Path) -> None:
    """Also while it is at an earlier revision than the last one that was written here."""
    store = FaultyStore(watched.plane.store)
    watched = WatchedFolder(tmp_path / "demo", Plane(clock=watched.plane.clock, store=store))
    for _ in range(100):
        watched.plane.put("else", b"where")
    watched.write("web.yaml", manifest("web"))
    watched.settle()
    store.replace(MemoryStore(watched.plane.clock))
    watched.settle(60)
    assert list(watched.tasks()) == ["web"]
