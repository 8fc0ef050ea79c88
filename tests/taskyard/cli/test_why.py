"""`taskyard why`, against a control plane in this process."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from taskyard.cli.main import main
from taskyard.objects import Constraint, Metadata, NodeSpec, Taint
from tests.support.plane import GI, MI, a_spec, a_task, a_uid
from tests.support.served import ServedPlane

EQUAL = "of equal ones the one with the fewest tasks is taken, then the largest, then the first by name"


def test_a_thousand_nodes_read_as_ten_lines(served: ServedPlane, out: Callable[..., str]) -> None:
    plane = served.plane
    for number in range(1000):
        plane.add_node(f"n{number:04}", memory=(number + 1) * MI)
        labels = {"zone": "b" if number % 3 else "a"}
        spec = NodeSpec(metadata=Metadata(name=f"n{number:04}"), cordoned=number % 10 == 0, labels=labels)
        plane.set_node(spec)
    plane.add_task(a_task("big", a_uid(1), a_spec(memory="1536Mi", selector={"zone": "b"})))
    plane.pump()
    text = out("why", "big")
    assert len(text.splitlines()) <= 14
    none = "0 of 1000 nodes fit, and none would with nothing else on it: the nearest needs 537Mi more memory on n0998"
    assert text.splitlines()[:3] == ["task/big: Pending (Unschedulable)", "", f"  {none}"]
    assert "  600     n0998, n0997, n0995, …   too little memory (needs 537Mi more, up to 1534Mi more)\n" in text
    assert "    537Mi more memory on n0998\n" in text


def test_one_node_says_all_that_is_in_the_way(served: ServedPlane, out: Callable[..., str]) -> None:
    served.plane.add_node("n1", memory=GI)
    served.plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    served.plane.add_task(a_task("big", a_uid(1), a_spec(memory="2Gi")))
    served.plane.pump()
    assert out("why", "big", "--node", "n1").splitlines()[2:] == [
        "  n1 does not fit:",
        "    cordoned",
        "    too little memory (needs 1Gi more)",
        "  it would fit with an uncordon and 1Gi more memory on n1",
    ]
    assert "0 of 1 node fits" in out("why", "big")


def test_a_placed_task_shows_its_scores(served: ServedPlane, out: Callable[..., str]) -> None:
    served.plane.add_node("n1", memory=8 * GI)
    served.plane.add_node("n2")
    served.plane.add_task(a_task("web", a_uid(1), a_spec(memory="1Gi")))
    served.settle()
    lines = out("why", "task/web").splitlines()
    assert lines[0] == "task/web: Running on n1"
    assert lines[2].startswith("  when it was bound to n1 (revision ")
    assert lines[2].endswith("2 of 2 nodes had room and fitted:")
    assert [line.strip() for line in lines[4:]] == ["NODE   ROOM", "n1 *   100.0%", "n2     100.0%", EQUAL]


def test_scores_are_told_in_what_they_stand_for_and_only_where_nodes_differ(
    served: ServedPlane, out: Callable[..., str]
) -> None:
    for name, zone in [("n1", "a"), ("n2", "b"), ("n3", "b")]:
        served.plane.add_node(name)
        soft = [Taint(key="old", effect="PreferNoSchedule")] if name == "n3" else []
        served.plane.set_node(NodeSpec(metadata=Metadata(name=name), labels={"zone": zone}, taints=soft))
    rather = Constraint(key="zone", value="b", weight=30)
    served.plane.add_task(a_task("web", a_uid(1), replace(a_spec(memory="1Gi"), constraints=[rather])))
    served.settle()
    assert [line.split() for line in out("why", "task/web").splitlines()[4:]] == [
        ["NODE", "NO", "SOFT", "TAINT", "PREFERENCES"],
        ["n2", "*", "yes", "+30"],
        ["n1", "yes", "+0"],
        ["n3", "no", "+30"],
    ]


def test_a_node(served: ServedPlane, out: Callable[..., str]) -> None:
    served.plane.add_node("n1")
    served.plane.add_task(a_task("big", a_uid(1), a_spec(memory="8Gi")))
    served.settle()
    assert out("why", "node/n1").splitlines() == [
        "node/n1: Ready",
        "  free: 4 cpu, 4Gi memory, 100Gi disk; 0 tasks on it",
        "  of 1 waiting task it would take 0",
        "    TASKS   SUCH AS       WHY NOT",
        "    1       default/big   too little memory (needs 4Gi more)",
    ]


def test_for_programs(served: ServedPlane, out: Callable[..., str]) -> None:
    served.plane.add_task(a_task("big", a_uid(1)))
    served.plane.pump()
    assert json.loads(out("why", "big", "-o", "json"))["state"] == "Pending"
    assert "state: Pending\n" in out("why", "big", "-o", "yaml")


def test_names_that_are_not_there(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    server = f"http://127.0.0.1:{served.port}"
    assert main(["--server", server, "why", "none"]) == 1
    assert "there is no task 'none'" in capsys.readouterr().err
    assert main(["--server", server, "why", "node/n1", "--node", "n2"]) == 1
    assert "--node is for a task" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        pytest.param(["svc/web"], "taskyard get tasks -l taskyard/service=web, then taskyard why TASK", id="service"),
        pytest.param(["job/resize"], "taskyard job status resize --no-wait", id="job"),
        pytest.param(["cron/nightly"], "taskyard describe cron/nightly", id="cron"),
    ],
)
def test_another_kind_is_told_what_to_type(
    served: ServedPlane, capsys: pytest.CaptureFixture[str], words: list[str], meant: str
) -> None:
    assert main(["--server", f"http://127.0.0.1:{served.port}", "why", *words]) == 1
    said = capsys.readouterr().err
    assert "`why` is about tasks and nodes" in said
    assert meant in said


def test_a_task_that_no_node_could_ever_hold_has_no_place_in_line(served: ServedPlane, out: Callable[..., str]) -> None:
    served.plane.add_node("n1", memory=8 * GI)
    for number in range(1, 3):
        served.plane.add_task(a_task(f"big{number}", a_uid(number), a_spec(memory="9Gi")))
    served.plane.pump()
    text = out("why", "big1")
    assert "and none would with nothing else on it: the nearest needs 1Gi more memory on n1\n" in text
    assert "in line" not in text
