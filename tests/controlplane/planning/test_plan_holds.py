"""A plan is what then happens: for any cluster and any manifests, by property."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.cluster.effective import needs_binding
from taskyard.objects import Metadata, NodeSpec
from tests.controlplane.api.bench import ApiBench
from tests.support.plane import MI

NAMES = ("a", "b", "c", "d", "e")

specs = st.fixed_dictionaries(
    {
        "image": st.just("busybox:1.35"),
        "resources": st.fixed_dictionaries({"memory": st.sampled_from(["200Mi", "400Mi", "700Mi"])}),
    },
    optional={
        "nodeSelector": st.sampled_from([{"zone": "a"}, {"zone": "b"}]),
        # The same for all: for a task of higher priority others are stopped once they have their nodes, and what that
        # comes to depends on when their containers end.
        "priority": st.just(0),
        "singleton": st.just(True),
        "ports": st.sampled_from([[{"container": 80, "host": 8080}]]),
    },
)
folders = st.dictionaries(st.sampled_from(NAMES), specs, max_size=5)
rooms = st.lists(
    st.tuples(st.sampled_from([500, 1000, 1500]), st.sampled_from("ab"), st.booleans()), min_size=1, max_size=3
)


def documents(folder: dict[str, Any]) -> dict[str, Any]:
    return {
        "documents": [
            {
                "source": f"{name}.yaml:1",
                "object": {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": {"name": name}, "spec": spec},
            }
            for name, spec in folder.items()
        ]
    }


def post(bench: ApiBench, path: str, body: object) -> dict[str, Any]:
    answer = bench.call("POST", path, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def where(bench: ApiBench) -> dict[str, tuple[str, bool]]:
    """Each task's node, and whether it waits for a binding."""
    cache = bench.plane.cache
    return {key.name: (record.node, needs_binding(cache, record)) for key, record in cache.tasks.items()}


@settings(max_examples=25)
@given(rooms, folders, folders)
def test_the_plan_is_what_then_happens(nodes: list[tuple[int, str, bool]], first: Any, second: Any) -> None:
    bench = ApiBench()
    try:
        for index, (memory, zone, cordoned) in enumerate(nodes):
            bench.plane.add_node(f"n{index}", memory=memory * MI)
            spec = NodeSpec(metadata=Metadata(name=f"n{index}"), labels={"zone": zone}, cordoned=cordoned)
            bench.plane.set_node(spec)
        bench.plane.lead()
        post(bench, "/apply?source=demo", documents(first))
        bench.settle()
        before = where(bench)
        # Whose turn it is hangs on the age: what was there before is older than what is applied now.
        bench.plane.clock.advance(1.0)

        plan = post(bench, "/plan?source=demo&prune=1", documents(second))
        bench.plane.pump()
        assert where(bench) == before, "a plan changes nothing"
        again = post(bench, "/plan?source=demo&prune=1", documents(second))
        assert again["outcome"] == plan["outcome"]

        post(bench, "/plan/apply", plan)
        bench.settle()
        after = where(bench)
        expected = {name: after[name] for name in after}
        for item in plan["items"]:
            if item["action"] == "remove":
                assert item["name"] not in after
            elif item.get("fits", True):
                expected[item["name"]] = (item["node"], False)
            else:
                assert after[item["name"]][1], (item, after)
        assert after == expected
        assert after.keys() == second.keys()
        left = post(bench, "/plan?source=demo&prune=1", documents(second))
        assert {item["action"] for item in left["items"]} <= {"none"}
        assert left.get("effects", []) == []
    finally:
        bench.api.close()
