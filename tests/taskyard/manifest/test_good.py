"""Manifests that are right: the corpus, and every example that the project ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskyard.manifest import load, read_object, to_yaml
from taskyard.objects import Config, Metadata, Namespace, NodeSpec, Task, TaskSpec
from taskyard.objects.normal import normalize

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FILES = sorted([*(HERE / "good").iterdir(), *(ROOT / "manifests").glob("*.yaml")])


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in FILES])
def test_it_is_read_and_comes_back_from_its_own_yaml(path: Path) -> None:
    for document in load(path.read_bytes(), path.name):
        value = read_object(document)
        again = load(to_yaml(document.data).encode(), "again.yaml")[0]
        assert read_object(again) == value
        if isinstance(value, Task):
            assert normalize(value.spec) == value.spec


def _task(name: str) -> Task:
    (document,) = load((HERE / "good" / name).read_bytes(), name)
    value = read_object(document)
    assert isinstance(value, Task)
    return value


def test_words_that_yaml_1_1_would_change_stay_text() -> None:
    assert _task("typing.yaml").spec.env == {
        "CLOCK": "22:22",
        "NORWAY": "no",
        "SWITCH": "on",
        "YES": "yes",
        "DAY": "2026-01-31",
        "MOMENT": "2026-01-31T12:00:00Z",
        "SCORE": "1_000",
        "MODE": "0o17",
        "MASK": "0x1F",
        "SEXAGESIMAL": "1:2:3",
        "VERSION": "1.2.3",
        "DASH": "-",
        "EMPTY": "",
        "BOOLEAN": "true",
        "EQUALS": "=",
        "MULTI": "first\nsecond\n",
        "FOLDED": "one line",
    }


def test_what_the_server_added_is_dropped() -> None:
    task = _task("from-the-server.yaml")
    assert task == Task(metadata=Metadata(name="from-the-server"), spec=TaskSpec(image="busybox:1.35"))


def test_documents_of_one_text_keep_their_order_and_lines() -> None:
    documents = load((HERE / "good" / "several.yaml").read_bytes(), "several.yaml")
    assert [(document.data["metadata"]["name"], document.line) for document in documents] == [
        ("one", 4),
        ("two", 7),
        ("n1", 13),
    ]
    node = read_object(documents[2])
    assert isinstance(node, NodeSpec)
    assert (node.labels, node.cordoned, [taint.effect for taint in node.taints]) == (
        {"disk": "ssd"},
        True,
        ["NoExecute", "NoSchedule"],
    )


def test_no_two_examples_want_the_same_host_port() -> None:
    names, ports = set(), set()
    for path in (ROOT / "manifests").glob("*.yaml"):
        for document in load(path.read_bytes(), path.name):
            value = read_object(document)
            if isinstance(value, Namespace | Config):
                continue
            spec = value.spec
            while (template := getattr(spec, "template", None)) is not None:
                spec = template.spec
            assert isinstance(spec, TaskSpec)
            assert spec.image == "busybox:1.35"
            assert value.metadata.name not in names
            names.add(value.metadata.name)
            fixed = {(port.host, port.protocol) for port in spec.ports if isinstance(port.host, int)}
            assert not fixed & ports
            ports |= fixed
    assert ports == {(8088, "tcp")}
    assert len(names) >= 4
