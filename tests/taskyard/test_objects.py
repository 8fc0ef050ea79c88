"""Objects to JSON and back: readable, complete, strict."""

from __future__ import annotations

import pytest

from taskyard.clock import parse_timestamp, timestamp
from taskyard.objects import BadValue, Metadata, Resources, Task, TaskSpec, TaskState, decode, encode, spec_hash

WEB = Task(metadata=Metadata(name="web"), spec=TaskSpec(image="busybox:1.35", resources=Resources(memory="1Gi")))


def test_a_stored_task_says_what_it_is_and_leaves_defaults_out() -> None:
    assert encode(WEB) == (
        b'{"apiVersion":"taskyard/v1","kind":"Task","metadata":{"name":"web"},'
        b'"spec":{"image":"busybox:1.35","resources":{"memory":"1Gi"}}}'
    )
    assert decode(encode(WEB), Task) == WEB


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        pytest.param(b"", "not a valid Task", id="empty"),
        pytest.param(b"\xff", "not a valid Task", id="not-utf8"),
        pytest.param(b"[" * 100_000, "not a valid Task", id="nested"),
        pytest.param(b'{"metadata":{"name":"a"},"spec":{"image":1}}', "spec.image", id="type"),
        pytest.param(b'{"metadata":{"name":"a"},"spec":{"image":"x","imag":1}}', "imag", id="unknown"),
        pytest.param(b'{"metadata":{"name":"a"}}', "spec", id="missing"),
    ],
)
def test_a_bad_value_is_refused_with_its_place(raw: bytes, where: str) -> None:
    with pytest.raises(BadValue, match=where):
        decode(raw, Task)


def test_the_hash_follows_the_spec_alone() -> None:
    same = Task(metadata=Metadata(name="other"), spec=TaskSpec(image="busybox:1.35", resources=Resources(memory="1Gi")))
    assert spec_hash(same.spec) == spec_hash(WEB.spec)
    assert spec_hash(TaskSpec(image="busybox:1.36")) != spec_hash(WEB.spec)


def test_the_hash_does_not_depend_on_the_order_of_a_map() -> None:
    one = TaskSpec(image="x", env={"A": "1", "B": "2"})
    two = TaskSpec(image="x", env={"B": "2", "A": "1"})
    assert spec_hash(one) == spec_hash(two)


def test_states_only_move_up() -> None:
    order = [TaskState.PENDING, TaskState.SCHEDULED, TaskState.STARTING, TaskState.RUNNING, TaskState.STOPPING]
    assert [state.rank for state in order] == sorted(state.rank for state in order)
    assert all(state.rank < TaskState.COMPLETED.rank for state in order)
    assert TaskState.FAILED.terminal
    assert not TaskState.LOST.terminal


def test_timestamps_read_back() -> None:
    assert timestamp(1_700_000_000.1234) == "2023-11-14T22:13:20.123Z"
    assert parse_timestamp("2023-11-14T22:13:20.123Z") == pytest.approx(1_700_000_000.123)
    with pytest.raises(ValueError, match="time zone"):
        parse_timestamp("2023-11-14T22:13:20")
