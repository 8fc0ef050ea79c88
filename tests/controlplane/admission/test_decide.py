"""Who may change what, which fields are the server's, and when the generation rises."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from controlplane.admission import Refused, Removal, Verdict, decide, decide_delete
from taskyard.objects import Binding, Metadata, Task, TaskSpec

NOW = 1_700_000_000.0
BINDING = Binding(node="n1", epoch=3, spec_hash="0123456789abcdef")


def wanted(image: str = "busybox:1.35", **metadata: object) -> Task:
    return Task(metadata=Metadata(name="web", **metadata), spec=TaskSpec(image=image))


def stored(image: str = "busybox:1.35", binding: Binding | None = None, **metadata: object) -> Task:
    server = {"uid": "aaaaaaaaaaaa", "generation": 4, "created_at": "2023-01-01T00:00:00.000Z"}
    return Task(metadata=Metadata(name="web", **{**server, **metadata}), spec=TaskSpec(image=image), binding=binding)


def verdict(task: Task, existing: Task | None, source: str = "", **options: bool) -> Verdict:
    outcome = decide(task, existing, source=source, now=NOW, uid="bbbbbbbbbbbb", **options)
    assert isinstance(outcome, Verdict), outcome
    return outcome


def refusal(task: Task, existing: Task | None, source: str = "", **options: bool) -> Refused:
    outcome = decide(task, existing, source=source, now=NOW, uid="bbbbbbbbbbbb", **options)
    assert isinstance(outcome, Refused), outcome
    return outcome


def test_a_new_task_gets_its_server_fields() -> None:
    made = verdict(wanted(labels={"app": "web"}), None, "folder/demo")
    assert made.result == "created"
    assert made.value.metadata == Metadata(
        name="web",
        labels={"app": "web"},
        uid="bbbbbbbbbbbb",
        generation=1,
        created_at="2023-11-14T22:13:20.000Z",
        source="folder/demo",
    )


def test_nobody_sets_server_fields_through_a_manifest() -> None:
    forged = replace(
        wanted(uid="ffffffffffff", generation=99, deletion_timestamp="2020-01-01T00:00:00Z", source="folder/x"),
        binding=BINDING,
    )
    made = verdict(forged, None).value
    assert (made.metadata.uid, made.metadata.generation, made.metadata.source) == ("bbbbbbbbbbbb", 1, "")
    assert made.metadata.deletion_timestamp == ""
    assert made.binding is None


def test_a_changed_spec_raises_the_generation_and_keeps_the_binding() -> None:
    made = verdict(wanted("busybox:1.36"), stored(binding=BINDING))
    assert made.result == "configured"
    assert made.value.metadata.uid == "aaaaaaaaaaaa"
    assert made.value.metadata.generation == 5
    assert made.value.metadata.created_at == "2023-01-01T00:00:00.000Z"
    assert made.value.binding == BINDING


def test_changed_labels_leave_the_generation() -> None:
    made = verdict(wanted(labels={"a": "b"}), stored())
    assert (made.result, made.value.metadata.generation) == ("configured", 4)


def test_the_same_again_changes_nothing() -> None:
    existing = stored(binding=BINDING)
    made = verdict(wanted(), existing)
    assert made == Verdict("unchanged", existing)


def test_a_value_put_by_hand_is_completed_when_it_is_changed() -> None:
    made = verdict(wanted(labels={"a": "b"}), wanted()).value.metadata
    assert (made.uid, made.generation, made.created_at) == ("bbbbbbbbbbbb", 1, "2023-11-14T22:13:20.000Z")


@pytest.mark.parametrize(
    ("source", "owner", "take_over"),
    [
        pytest.param("", "", False, id="a person changes a person's"),
        pytest.param("folder/a", "folder/a", False, id="a folder changes its own"),
        pytest.param("folder/a", "", False, id="a folder takes over a person's"),
        pytest.param("", "folder/a", True, id="a person takes over a folder's by force"),
    ],
)
def test_may_change(source: str, owner: str, take_over: bool) -> None:
    made = verdict(wanted("busybox:1.36"), stored(source=owner), source, take_over=take_over)
    assert made.result == "configured"
    assert made.value.metadata.source == source


@pytest.mark.parametrize(
    ("source", "owner", "take_over"),
    [
        pytest.param("", "folder/a", False, id="a person changes a folder's"),
        pytest.param("folder/b", "folder/a", False, id="a folder changes another's"),
        pytest.param("folder/b", "folder/a", True, id="a folder forces another's"),
    ],
)
def test_may_not_change(source: str, owner: str, take_over: bool) -> None:
    outcome = refusal(wanted("busybox:1.36"), stored(source=owner), source, take_over=take_over)
    assert outcome.reason == "DeclaredElsewhere"
    assert "folder/a" in outcome.message


def test_two_folders_that_declare_the_same_do_not_pass_it_to_and_fro() -> None:
    assert refusal(wanted(), stored(source="folder/a"), "folder/b").reason == "DeclaredElsewhere"


def test_a_folder_takes_over_what_is_alike() -> None:
    made = verdict(wanted(), stored(), "folder/a")
    assert (made.result, made.value.metadata.source, made.value.metadata.generation) == ("configured", "folder/a", 4)


def test_a_person_who_applies_what_a_folder_declares_changes_nothing() -> None:
    existing = stored(source="folder/a")
    assert verdict(wanted(), existing) == Verdict("unchanged", existing)


def test_a_task_on_its_way_out_takes_no_changes() -> None:
    outcome = refusal(wanted("busybox:1.36"), stored(deletion_timestamp="2023-02-01T00:00:00.000Z"))
    assert outcome.reason == "Deleting"
    assert "2023-02-01" in outcome.message


def test_create_only_refuses_a_name_that_is_taken() -> None:
    outcome = refusal(wanted(), stored(), create_only=True)
    assert outcome.reason == "Exists"
    assert "PUT /tasks/web" in outcome.hint


def test_an_unbound_task_is_deleted_at_once() -> None:
    assert decide_delete(stored(), source="", now=NOW) == Removal(None)


def test_a_bound_task_is_marked() -> None:
    removal = decide_delete(stored(binding=BINDING), source="", now=NOW, grace_period=2.5)
    assert isinstance(removal, Removal)
    assert removal.value is not None
    assert removal.value.metadata.deletion_timestamp == "2023-11-14T22:13:20.000Z"
    assert removal.value.metadata.annotations == {"taskyard/grace-period": "2.5"}
    assert removal.value.binding == BINDING


def test_deleting_again_writes_nothing() -> None:
    marked = stored(binding=BINDING, deletion_timestamp="2023-02-01T00:00:00.000Z")
    assert decide_delete(marked, source="", now=NOW) == Removal(marked, write=False)


def test_deleting_again_may_shorten_the_grace_period() -> None:
    marked = stored(binding=BINDING, deletion_timestamp="2023-02-01T00:00:00.000Z")
    removal = decide_delete(marked, source="", now=NOW, grace_period=0)
    assert isinstance(removal, Removal)
    assert removal.write
    assert removal.value is not None
    assert removal.value.metadata.deletion_timestamp == "2023-02-01T00:00:00.000Z"
    assert removal.value.metadata.annotations == {"taskyard/grace-period": "0"}


@pytest.mark.parametrize(
    ("source", "owner"),
    [
        pytest.param("", "folder/a", id="a person deletes a folder's"),
        pytest.param("folder/b", "folder/a", id="a folder deletes another's"),
        pytest.param("folder/b", "", id="a folder deletes a person's"),
    ],
)
def test_may_not_delete(source: str, owner: str) -> None:
    outcome = decide_delete(stored(source=owner), source=source, now=NOW)
    assert isinstance(outcome, Refused)
    assert outcome.reason == "DeclaredElsewhere"


def test_a_person_deletes_a_folders_by_force() -> None:
    assert decide_delete(stored(source="folder/a"), source="", now=NOW, take_over=True) == Removal(None)
