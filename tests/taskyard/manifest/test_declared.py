"""A stored object and the manifest that declares it say the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from taskyard.manifest import load, read_object, to_yaml
from taskyard.manifest.declared import manifest_of
from taskyard.objects import Metadata, NodeSpec, Taint

FOLDER = Path(__file__).parents[3] / "manifests"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=lambda path: str(path.name))
def test_every_example_survives_being_stored(path: Path) -> None:
    for document in load(path.read_bytes(), path.name):
        value = read_object(document)
        stored = msgspec.structs.replace(
            value, metadata=msgspec.structs.replace(value.metadata, uid="0123456789ab", generation=3, source="folder/x")
        )
        again = manifest_of(stored)
        assert not again["metadata"].keys() & {"uid", "generation", "source"}
        (document,) = load(to_yaml(again).encode(), "again.yaml")
        assert read_object(document) == value


def test_what_a_node_has_beside_its_metadata_is_its_spec() -> None:
    node = NodeSpec(metadata=Metadata(name="n1"), labels={"zone": "a"}, taints=[Taint(key="gpu")], cordoned=True)
    assert manifest_of(node) == {
        "apiVersion": "taskyard/v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "spec": {"labels": {"zone": "a"}, "taints": [{"key": "gpu"}], "cordoned": True},
    }
