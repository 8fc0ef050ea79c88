"""Keys: what is built is taken apart again, and nothing else is taken for a key of ours."""

from __future__ import annotations

import pytest

from taskyard import keys
from taskyard.keys import ObjectKey


@pytest.mark.parametrize(
    ("named", "key"),
    [
        (ObjectKey("Task", "prod", "web"), keys.task("prod", "web")),
        (ObjectKey("Config", "prod", "web"), "/taskyard/v1/configs/prod/web"),
        (ObjectKey("Namespace", "default", "prod"), "/taskyard/v1/namespaces/prod"),
    ],
)
def test_an_object_s_key_reads_back(named: ObjectKey, key: str) -> None:
    assert keys.object_key(named) == key
    assert keys.parse_object(key) == named
    assert keys.is_object(key)


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        (keys.node_spec("n1"), ("n1", "spec", "")),
        (keys.node_lease("n1"), ("n1", "lease", "")),
        (keys.node_lease("n1.example.com"), ("n1.example.com", "lease", "")),
        (keys.node_stats("n1"), ("n1", "stats", "")),
        (keys.assignment("n1", "abc"), ("n1", "assignments", "abc")),
        (keys.status("n1", "abc"), ("n1", "status", "abc")),
    ],
)
def test_a_node_key_reads_back(key: str, parsed: tuple[str, str, str]) -> None:
    assert keys.parse_node(key) == parsed
    assert key.startswith(keys.node_prefix(parsed[0]))


@pytest.mark.parametrize(
    "key",
    [
        keys.TASKS,
        keys.TASKS + "web",
        keys.TASKS + "a/b/c",
        keys.TASKS + "/web",
        keys.TASKS + "prod/",
        keys.NODES + "n1",
        keys.NODES + "n1/other",
        keys.NODES + "/lease",
        keys.NODES + "N_1/lease",
        keys.NODES + "n1/assignments",
        keys.NODES + "n1/assignments/a/b",
        keys.ROOT + "secrets/db",
        keys.ROOT + "namespaces/prod/web",
        "/elsewhere/tasks/prod/web",
    ],
)
def test_anything_else_is_no_key_of_ours(key: str) -> None:
    assert keys.parse_object(key) is None
    assert keys.parse_node(key) is None


def test_one_node_is_not_a_prefix_of_another() -> None:
    assert not keys.node_lease("n10").startswith(keys.node_prefix("n1"))


def test_an_event_has_one_key_for_one_cause() -> None:
    first = keys.event("prod", "Task", "web", "agent/n1", "Failed", "exit 1")
    assert first == keys.event("prod", "Task", "web", "agent/n1", "Failed", "exit 1")
    assert first != keys.event("prod", "Task", "web", "agent/n1", "Failed", "exit 2")
    assert first.startswith(keys.EVENTS + "prod/task/web/")
