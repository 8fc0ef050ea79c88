"""What is said here of a task's metadata and binding is what the schema says: a known spec makes no difference."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.cluster.known_specs import KnownSpecs
from controlplane.cluster.spelled import accepted, spelled_task
from taskyard.keys import ObjectKey
from taskyard.manifest import read_value

SPEC = {"image": "web:1"}
names = st.sampled_from(["web", "a", "web-1", "", "Web", "-a", "a-", "a.b", "a\n", "é", "x" * 63, "x" * 64])
node_names = st.sampled_from(["n1", "a.b", "", "N1", "a..b", "x" * 64, ".".join(["x" * 50] * 5), "n1\n"])
keys_of_labels = st.sampled_from(
    ["app", "a/b", "a.b/c", "", "/a", "a/", "-a", "A_b.c", "a/b/c", "x" * 63, "x" * 64, "é"]
)
texts = st.sampled_from(["", "a", "A_b.c-1", "-a", "a\n", "x" * 63, "x" * 64, "x" * 65, "x" * 300, "x" * 301, "é" * 60])
moments = st.sampled_from(["", "2026-01-01T00:00:00.000Z", "yesterday", "x" * 64, "x" * 65])
labels = st.dictionaries(keys_of_labels, texts, max_size=3) | st.just({f"k{n}": "" for n in range(65)})
owners = st.fixed_dictionaries({"kind": texts, "name": texts, "uid": texts})
metadata = st.fixed_dictionaries(
    {"name": names},
    optional={
        "namespace": names,
        "labels": labels,
        "annotations": labels | st.just({"a": "x" * 65536}) | st.just({"a": "x" * 65537}),
        "uid": st.sampled_from(["", "0123456789ab", "0123456789AB", "0123456789ab\n", "0123"]),
        "generation": st.integers(-1, 2),
        "createdAt": moments,
        "deletionTimestamp": moments,
        "source": texts,
        "owner": owners,
        "defaulted": st.lists(texts, max_size=2) | st.just([""] * 64) | st.just([""] * 65),
        "revision": st.just(3),
        "unknown": st.just(1),
    },
)
bindings = st.fixed_dictionaries(
    {"node": node_names, "epoch": st.integers(-1, 1), "specHash": texts},
    optional={"boundAt": moments, "avoid": st.lists(node_names, max_size=2)},
)


def _read(specs: KnownSpecs, raw: bytes, key: ObjectKey) -> Any:
    try:
        return specs.task(raw, key)[:2]
    except ValueError as error:
        return str(error)


@settings(max_examples=400)
@given(metadata, bindings | st.none())
def test_a_known_spec_makes_no_difference(metadata: dict[str, Any], binding: dict[str, Any] | None) -> None:
    value: dict[str, Any] = {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": metadata, "spec": SPEC}
    raw = msgspec.json.encode(value if binding is None else value | {"binding": binding})
    key = ObjectKey("Task", metadata.get("namespace", "default"), metadata["name"])
    knowing = KnownSpecs()
    knowing.task(msgspec.json.encode(value | {"metadata": {"name": "web"}}), ObjectKey("Task", "default", "web"))
    assert _read(knowing, raw, key) == _read(KnownSpecs(), raw, key)
    spelled = spelled_task(raw)
    if spelled is not None and accepted(spelled, key):
        read_value(raw, key)


def test_what_is_spelled_as_we_do_is_taken_by_the_short_way() -> None:
    value = {
        "apiVersion": "taskyard/v1",
        "kind": "Task",
        "metadata": {"name": "web-1", "labels": {"app": "web"}, "uid": "0123456789ab", "generation": 1, "source": "x"},
        "spec": SPEC,
        "binding": {"node": "n1", "epoch": 1, "specHash": "0123456789abcdef", "boundAt": "2026-01-01T00:00:00.000Z"},
    }
    spelled = spelled_task(msgspec.json.encode(value))
    assert spelled is not None
    assert accepted(spelled, ObjectKey("Task", "default", "web-1"))
    assert not accepted(spelled, ObjectKey("Task", "default", "web-2"))
