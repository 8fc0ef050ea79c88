"""A list of objects is read as its items: in JSON and YAML, each with its own lines."""

from __future__ import annotations

import pytest

from taskyard.manifest import Document, ManifestError, load, unfold

LIST = """\
apiVersion: taskyard/v1
kind: TaskList
items:
- apiVersion: taskyard/v1
  kind: Task
  metadata: {name: web}
  spec: {image: a}
- apiVersion: taskyard/v1
  kind: Task
  metadata: {name: db}
  spec: {image: b}
---
apiVersion: taskyard/v1
kind: Task
metadata: {name: last}
spec: {image: c}
"""


def test_items_stand_for_documents_where_the_list_stood() -> None:
    documents = load(LIST.encode(), "all.yaml")
    assert [(one.data["metadata"]["name"], one.line) for one in documents] == [("web", 4), ("db", 8), ("last", 13)]
    assert documents[1].locate(("spec", "image")) == (11, 17)


def test_an_empty_list_is_nothing() -> None:
    assert load(b'{"apiVersion":"taskyard/v1","kind":"TaskList","metadata":{"revision":7},"items":[]}', "a.json") == []


@pytest.mark.parametrize("items", ["", "items: 7\n", "items: {a: b}\n"])
def test_a_list_without_items_is_a_mistake(items: str) -> None:
    with pytest.raises(ManifestError, match="a List has a list of items"):
        load(f"apiVersion: taskyard/v1\nkind: List\n{items}".encode(), "a.yaml")


def test_a_key_twice_in_one_item_does_not_hide_the_faults_of_the_others() -> None:
    twice = LIST.replace("metadata: {name: web}", "metadata: {name: web, name: web}").replace("image: b", "imgae: b")
    with pytest.raises(ManifestError) as caught:
        load(twice.encode(), "a.yaml")
    assert [problem.line for problem in caught.value.problems] == [6, 11]


def test_anything_else_is_left_alone() -> None:
    for data in (None, [], {"kind": "Task", "items": []}, {"kind": ["List"]}):
        assert unfold(Document("", 0, data))[0][0].data is data
