"""What a folder asks of the store: table cases over plain data."""

from __future__ import annotations

import pytest

from controlplane.defaults import admitted
from controlplane.folder.files import Read
from controlplane.folder.plan import Apply, Remove, plan
from taskyard.keys import ObjectKey
from taskyard.objects import DefaultResources, Metadata, Task, TaskDefaults, TaskSpec, key_of

OURS = "folder/demo"
BROKEN = Read(None, "bad.yaml:1:1: not YAML")


def wanted(name: str, image: str = "busybox:1.35") -> Task:
    return Task(metadata=Metadata(name=name), spec=TaskSpec(image=image))


def stored(name: str, source: str = OURS, image: str = "busybox:1.35", deleting: bool = False) -> Task:
    moment = "2026-11-22T20:57:48.123Z" if deleting else ""
    metadata = Metadata(name=name, uid=f"uid-{name}", generation=1, source=source, deletion_timestamp=moment)
    return Task(metadata=metadata, spec=TaskSpec(image=image))


def with_defaults(task: Task) -> Task:
    defaults = TaskDefaults(resources=DefaultResources(memory="64Mi"))
    made = admitted(task, None, defaults)
    assert made.metadata.defaulted
    return made


def by_key(*tasks: Task) -> dict[ObjectKey, Task]:
    return {key_of(task): task for task in tasks}


def good(*names: str) -> Read:
    return Read(tuple(wanted(name) for name in names))


@pytest.mark.parametrize(
    ("known", "applied"),
    [
        pytest.param([], True, id="not there"),
        pytest.param([stored("web")], False, id="as declared"),
        pytest.param([with_defaults(stored("web"))], False, id="as declared, with its namespace's defaults"),
        pytest.param([stored("web", image="old")], True, id="changed in the file"),
        pytest.param([with_defaults(stored("web", image="old"))], True, id="changed in the file, with defaults"),
        pytest.param([stored("web", source="")], True, id="a person's, taken over"),
        pytest.param([stored("web", source="folder/other")], False, id="another folder's"),
        pytest.param([stored("web", image="old", deleting=True)], False, id="being deleted"),
    ],
)
def test_applies_what_differs_and_is_its_own(known: list[Task], applied: bool) -> None:
    found = plan(OURS, {"web.yaml": good("web")}, {}, by_key(*known), {})
    assert bool(found.applies) is applied
    assert not found.removes


def test_apply_names_the_file_and_what_is_there() -> None:
    old = stored("web", image="old")
    found = plan(OURS, {"web.yaml": good("web")}, {}, by_key(old), {})
    assert found.applies == (Apply(wanted("web"), "web.yaml", old),)


def test_removes_only_what_it_declared_itself() -> None:
    known = by_key(stored("a"), stored("b"), stored("person", source=""), stored("other", source="folder/other"))
    found = plan(OURS, {"a.yaml": good("a")}, {}, known, {})
    assert found.removes == (Remove(ObjectKey("Task", "default", "b"), "uid-b"),)


def test_a_broken_file_counts_as_it_last_was() -> None:
    found = plan(OURS, {"a.yaml": BROKEN}, {"a.yaml": (wanted("a"),)}, by_key(stored("a")), {})
    assert (found.applies, found.removes) == ((), ())
    assert [report.reason for report in found.reports] == ["BadManifest"]


def test_a_broken_file_that_was_never_good_holds_every_removal() -> None:
    found = plan(OURS, {"a.yaml": BROKEN}, {}, by_key(stored("b")), {})
    assert found.removes == ()
    held = next(report for report in found.reports if report.reason == "RemovalHeld")
    assert "a.yaml" in held.message
    assert "task/b" in held.message


def test_a_file_that_is_being_written_is_not_reported() -> None:
    found = plan(OURS, {"a.yaml": Read(None, "changed while it was read", settled=False)}, {}, {}, {})
    assert found.reports == ()


@pytest.mark.parametrize(
    ("there", "left", "removed"),
    [
        pytest.param(2, 0, 2, id="few objects are not guarded"),
        pytest.param(3, 1, 0, id="two thirds are held"),
        pytest.param(4, 2, 2, id="half may go"),
        pytest.param(4, 1, 0, id="three quarters are held"),
        pytest.param(10, 0, 0, id="an emptied folder removes nothing"),
    ],
)
def test_guard_against_removing_much_at_once(there: int, left: int, removed: int) -> None:
    names = [f"t{number}" for number in range(there)]
    known = by_key(*(stored(name) for name in names))
    files = {f"{name}.yaml": good(name) for name in names[:left]}
    found = plan(OURS, files, {}, known, {})
    assert len(found.removes) == removed
    assert [report.reason for report in found.reports] == ([] if removed else ["RemovalHeld"])
    allowed = plan(OURS, files, {}, known, {}, removal_allowed=True)
    assert len(allowed.removes) == there - left


def test_guard_says_how_to_allow_it() -> None:
    found = plan(OURS, {}, {}, by_key(*(stored(f"t{number}") for number in range(7))), {})
    assert ".allow-removal" in found.reports[0].message
    assert "7 of the folder's 7" in found.reports[0].message


def test_what_is_being_deleted_already_does_not_count() -> None:
    known = by_key(stored("a"), stored("b"), stored("c", deleting=True))
    found = plan(OURS, {}, {}, known, {})
    assert {remove.key.name for remove in found.removes} == {"a", "b"}


def test_of_two_files_the_first_by_name_wins() -> None:
    files = {"b.yaml": Read((wanted("web", "second"),)), "a.yaml": Read((wanted("web", "first"),))}
    found = plan(OURS, files, {}, {}, {})
    assert [(one.value.spec.image, one.file) for one in found.applies] == [("first", "a.yaml")]
    assert [report.reason for report in found.reports] == ["DeclaredTwice"]


def test_what_a_person_took_over_is_left_until_the_file_changes() -> None:
    taken = by_key(stored("web", source="", image="theirs"))
    before = by_key(wanted("web"))
    left = plan(OURS, {"web.yaml": good("web")}, {}, taken, before)
    assert left.applies == ()
    assert [report.reason for report in left.reports] == ["TakenOver"]
    again = plan(OURS, {"web.yaml": Read((wanted("web", "new"),))}, {}, taken, before)
    assert [one.value.spec.image for one in again.applies] == ["new"]


def test_another_folder_is_reported_by_name() -> None:
    found = plan(OURS, {"web.yaml": good("web")}, {}, by_key(stored("web", source="folder/other")), {})
    assert [report.reason for report in found.reports] == ["DeclaredElsewhere"]
    assert "folder/other" in found.reports[0].message
