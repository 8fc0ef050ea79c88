"""A spec that was read before is a short cut and nothing else: what is accepted, and what is said of the rest, is the
same as for whoever reads a value for the first time."""

from __future__ import annotations

import pytest

from controlplane.cluster.known_specs import KnownSpecs
from controlplane.cluster.reading import read_assignment, read_record
from controlplane.cluster.records import ObjectRecord, TaskRecord
from taskyard import keys
from taskyard.keys import NodeKey, ObjectKey
from taskyard.objects import Assignment, Metadata, Resources, Task, TaskSpec, encode, spec_hash
from taskyard.store.api import Entry

KEY = ObjectKey("Task", "default", "web-1")
SPEC = TaskSpec(image="web:1", env={"A": "b"}, resources=Resources(cpu="250m", memory="64Mi"))


def a_task(name: str = "web-1", labels: dict[str, str] | None = None, spec: TaskSpec = SPEC) -> bytes:
    return encode(Task(metadata=Metadata(name=name, labels=labels or {}, uid="0123456789ab"), spec=spec))


def read(raw: bytes, specs: KnownSpecs) -> TaskRecord | ObjectRecord | str:
    try:
        return read_record(Entry(keys.task(KEY.namespace, KEY.name), raw, 1, 1), KEY, specs)
    except ValueError as error:
        return str(error)


def knowing() -> KnownSpecs:
    specs = KnownSpecs()
    read(a_task(), specs)
    return specs


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(a_task(labels={"app": "web"}), id="another of the service"),
        pytest.param(a_task(spec=TaskSpec(image="other:2")), id="another spec"),
        pytest.param(a_task("another"), id="another's name"),
        pytest.param(a_task("UPPER"), id="a name that none may have"),
        pytest.param(a_task(labels={"not a label": ""}), id="a label that none may have"),
        pytest.param(a_task().replace(b"0123456789ab", b"mine"), id="a uid that is none"),
        pytest.param(a_task().replace(b'"kind":"Task"', b'"kind":"Config"'), id="another kind"),
        pytest.param(a_task().replace(b'"metadata":', b'"extra":1,"metadata":'), id="an unknown field"),
        pytest.param(a_task().replace(b'"name":', b'"nmae":"x","name":'), id="an unknown field of the metadata"),
        pytest.param(a_task()[:-1] + b',"spec":{"image":"x y"}}', id="a second spec"),
        pytest.param(a_task().replace(b'"name":', b'"name":"first","name":'), id="a name twice"),
        pytest.param(a_task()[:-1] + b',"binding":{"node":"n1"}}', id="half a binding"),
        pytest.param(a_task()[:-1] + b',"binding":null}', id="a binding of null"),
        pytest.param(a_task()[:-1] + b',"status":{"state":"Running"}}', id="a status"),
        pytest.param(b" " + a_task(), id="spelled otherwise"),
        pytest.param(a_task()[:-1], id="cut off"),
        pytest.param(a_task() + b"{}", id="more after it"),
    ],
)
def test_a_value_with_a_known_spec_is_read_as_if_it_were_new(raw: bytes) -> None:
    assert read(raw, knowing()) == read(raw, KnownSpecs())


def test_tasks_of_one_service_share_what_is_known_of_their_spec() -> None:
    specs = KnownSpecs()
    one, other = read(a_task(labels={"app": "web"}), specs), read(a_task(labels={"app": "web"}), specs)
    assert isinstance(one, TaskRecord)
    assert isinstance(other, TaskRecord)
    assert other.task.spec is one.task.spec
    assert other.demand is one.demand
    assert other.spec_hash == spec_hash(SPEC)
    assert isinstance(third := read(a_task(labels={"app": "db"}), specs), TaskRecord)
    assert third.demand.labels == (("app", "db"),)


def test_what_an_assignment_has_is_not_thereby_right_in_a_task() -> None:
    wrong = TaskSpec(image="not an image", env={"A": "b"})
    specs, raw = KnownSpecs(), a_task(spec=wrong)
    written = Assignment(uid="a", namespace="default", name="web-1", epoch=1, spec_hash="", spec=wrong)
    place = NodeKey("n1", "assignments", "a")
    found = read_assignment(Entry(keys.assignment("n1", "a"), encode(written), 1, 1), place, specs)
    assert found.assignment == written
    assert isinstance(refused := read(raw, specs), str)
    assert refused == read(raw, KnownSpecs())
    assert read(raw, specs) == refused


def test_a_spec_that_a_task_has_serves_its_assignment() -> None:
    specs = knowing()
    written = Assignment(uid="a", namespace="default", name="web-1", epoch=1, spec_hash="", spec=SPEC)
    place = NodeKey("n1", "assignments", "a")
    found = read_assignment(Entry(keys.assignment("n1", "a"), encode(written), 1, 1), place, specs)
    assert found.assignment == written
    task = read(a_task(), specs)
    assert isinstance(task, TaskRecord)
    assert found.assignment.spec is task.task.spec
    assert found.demand is task.demand
