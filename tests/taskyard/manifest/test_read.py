"""read_value: what an etcd value may be, whoever put it there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taskyard.keys import ObjectKey
from taskyard.manifest import ManifestError, read_object, read_value
from taskyard.objects import Binding, Metadata, Task, TaskSpec, encode

KEY = ObjectKey("Task", "default", "web")
OURS = Task(
    metadata=Metadata(
        name="web", uid="0f3a9c51d2b7", generation=2, created_at="2026-01-31T12:00:00Z", source="folder/demo"
    ),
    spec=TaskSpec(image="nginx:1.27", env={"A": "é"}),
    binding=Binding(node="n1", epoch=3, spec_hash="0123456789abcdef", bound_at="2026-01-31T12:00:01Z"),
)


def _by_hand(**changes: Any) -> bytes:
    value = {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": {"name": "web"}, "spec": {"image": "a"}} | changes
    return json.dumps(value, indent=2).encode()


def test_what_we_wrote_is_read_as_it_was() -> None:
    assert read_value(encode(OURS), KEY) == OURS


def test_a_task_put_by_hand_is_read() -> None:
    task = read_value(_by_hand(spec={"image": "a", "resources": {"memory": "1024Mi"}}), KEY)
    assert task == read_value(_by_hand(spec={"resources": {"memory": "1024Mi"}, "image": "a"}), KEY)
    assert task.metadata.uid == ""
    assert task.spec.resources.memory == "1024Mi"


def test_the_key_s_namespace_fills_in() -> None:
    assert read_value(_by_hand(), ObjectKey("Task", "shop", "web")).metadata.namespace == "shop"


def test_an_answer_of_the_api_may_be_put_back() -> None:
    answer = _by_hand(metadata={"name": "web", "uid": "0f3a9c51d2b7", "revision": 7}, status={"state": "Running"})
    assert read_value(answer, KEY).metadata.uid == "0f3a9c51d2b7"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(b"", "ends too early", id="empty"),
        pytest.param(b"\xff", "not valid UTF-8", id="binary"),
        pytest.param(b"null", "a manifest is a mapping", id="null"),
        pytest.param(_by_hand(metadata={"name": "other"}), "its key says default/web", id="another-name"),
        pytest.param(_by_hand(metadata={"name": "web", "namespace": "x"}), "its key says", id="another-namespace"),
        pytest.param(_by_hand(metadata={"name": "web", "uid": "../x"}), "metadata.uid", id="uid"),
        pytest.param(_by_hand(spec={"image": "a", "imagee": "b"}), "did you mean image", id="unknown-field"),
        pytest.param(_by_hand(spec={}), "image is missing", id="no-image"),
        pytest.param(_by_hand(kind="Node", spec={}), "under the key of a task", id="node"),
        pytest.param(_by_hand().replace(b'"kind"', b'"kind": "Task", "kind"'), "given twice", id="key-twice"),
        pytest.param(encode(OURS).replace(b'"epoch":3', b'"epoch":-3'), "binding.epoch", id="binding"),
        pytest.param(
            encode(OURS).replace(b'"image"', b'"image":"evil","image"'), "given twice", id="compact-with-key-twice"
        ),
    ],
)
def test_anything_else_is_refused_with_a_reason(raw: bytes, message: str) -> None:
    with pytest.raises(ManifestError, match=message.replace("/", "/")):
        read_value(raw, KEY, "etcd")


def test_a_whole_number_with_a_fraction_part_is_that_number() -> None:
    raw = _by_hand(spec={"image": "a", "ports": [{"container": 80.0}], "priority": -0.0})
    assert read_value(raw, KEY).spec.ports[0].container == 80
    task = read_object(json.loads(raw))
    assert isinstance(task, Task)
    assert task.spec.ports[0].container == 80
    compact = encode(OURS).replace(b'"env"', b'"ports":[{"container":80.0}],"env"')
    assert read_value(compact, KEY).spec.ports[0].container == 80
