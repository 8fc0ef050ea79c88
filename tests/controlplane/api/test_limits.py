"""Limits of tasks over the API: every way in refuses alike, and what is stored already may stay."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.api.bench import ApiBench, manifest, problem

LIMITS = {"memory": {"max": "256Mi"}, "maxPriority": 5}


def namespace(limits: dict[str, Any]) -> dict[str, Any]:
    spec = {"limits": limits}
    return {"apiVersion": "taskyard/v1", "kind": "Namespace", "metadata": {"name": "team"}, "spec": spec}


def task(memory: str, priority: int = 0) -> dict[str, Any]:
    made = manifest("web", namespace="team")
    made["spec"] |= {"resources": {"memory": memory}, "priority": priority}
    return made


def loosened() -> dict[str, Any]:
    wanted = task("16Mi")
    wanted["spec"] |= {
        "network": {"mode": "host"},
        "security": {"capAdd": ["NET_ADMIN"]},
        "volumes": [{"type": "host", "path": "/etc", "target": "/x"}],
    }
    return wanted


def service(memory: str, replicas: int = 1) -> dict[str, Any]:
    template = {"spec": task(memory)["spec"]}
    metadata = {"name": "web", "namespace": "team"}
    spec = {"replicas": replicas, "template": template}
    return {"apiVersion": "taskyard/v1", "kind": "Service", "metadata": metadata, "spec": spec}


def body(*manifests: dict[str, Any]) -> dict[str, Any]:
    return {"documents": [{"source": f"a.yaml:{n}", "object": one} for n, one in enumerate(manifests, 1)]}


def limit(bench: ApiBench, limits: dict[str, Any]) -> None:
    assert bench.call("POST", "/apply", body(namespace(limits))).status_code == 200


def test_a_post_says_all_that_is_wrong(bench: ApiBench) -> None:
    limit(bench, LIMITS)
    told = problem(bench.call("POST", "/tasks", task("1Gi", 9)), 409)
    assert told["type"].endswith(":BeyondLimits")
    assert told["detail"] == (
        "task/web in namespace team is beyond the limits of namespace team: spec.resources.memory is 1Gi, more than"
        " 256Mi; spec.priority is 9, more than 5: change that, or spec.limits of namespace/team"
    )
    assert bench.call("POST", "/tasks", task("256Mi", 5)).status_code == 201


def test_what_loosens_a_container_is_refused_where_it_enters(bench: ApiBench) -> None:
    limit(bench, {"capabilities": [], "hostPaths": ["/srv/team"]})
    wanted = loosened()
    told = problem(bench.call("POST", "/tasks", wanted), 409)
    assert told["detail"] == (
        "task/web in namespace team is beyond the limits of namespace team: spec.security.capAdd has NET_ADMIN, and may"
        " have none; spec.network.mode is host, which is not allowed; spec.volumes[0].path is /etc, and may be what is"
        " below /srv/team: change that, or spec.limits of namespace/team"
    )


def test_a_namespace_that_nobody_has_declared_loosens_nothing(bench: ApiBench) -> None:
    told = problem(bench.call("POST", "/tasks", loosened()), 409)
    assert told["type"].endswith(":BeyondLimits")
    assert "spec.network.mode is host, which is not allowed" in told["detail"]
    limit(bench, {"capabilities": ["NET_ADMIN"], "hostNetwork": True, "hostPaths": ["/etc"]})
    assert bench.call("POST", "/tasks", loosened()).status_code == 201


@pytest.mark.parametrize("path", ["/apply", "/apply?dryRun=1", "/plan"])
def test_each_way_in_refuses_alike(bench: ApiBench, path: str) -> None:
    limit(bench, LIMITS)
    bench.plane.lead()
    told = problem(bench.call("POST", path, body(task("1Gi"), service("2Gi"))), 409)
    assert [each["source"] for each in told["violations"]] == ["a.yaml:2", "a.yaml:1"]
    assert "spec.template.spec.resources.memory is 2Gi, more than 256Mi" in told["violations"][0]["message"]
    assert bench.stored("web", "team") is None


@pytest.mark.parametrize("stored", [False, True], ids=["new", "stored"])
def test_a_put_is_refused_as_a_post_is(bench: ApiBench, stored: bool) -> None:
    if stored:
        assert bench.call("PUT", "/tasks/web?namespace=team", task("128Mi")).status_code == 201
    limit(bench, LIMITS)
    told = problem(bench.call("PUT", "/tasks/web?namespace=team", task("1Gi")), 409)
    assert told["type"].endswith(":BeyondLimits")
    assert "spec.resources.memory is 1Gi, more than 256Mi" in told["detail"]
    kept = bench.stored("web", "team")
    assert (kept.spec.resources.memory if kept else None) == ("128Mi" if stored else None)


def test_a_patch_is_refused_where_the_spec_would_be_beyond_them_and_another_is_not(bench: ApiBench) -> None:
    bench.call("POST", "/apply", body(task("1Gi"), service("1Gi")))
    limit(bench, LIMITS)
    for path, spec in (("/tasks/web", {"priority": 1}), ("/services/web", {"template": {"spec": {"priority": 1}}})):
        told = problem(bench.call("PATCH", f"{path}?namespace=team", {"spec": spec}), 409)
        assert "resources.memory is 1Gi, more than 256Mi" in told["detail"]
        labels = {"metadata": {"labels": {"tier": "web"}}}
        assert bench.call("PATCH", f"{path}?namespace=team", labels).status_code == 200
    assert bench.call("PATCH", "/services/web?namespace=team", {"spec": {"replicas": 3}}).status_code == 200


def test_the_namespace_of_the_same_apply_counts(bench: ApiBench) -> None:
    problem(bench.call("POST", "/apply", body(task("1Gi"), namespace(LIMITS))), 409)
    limit(bench, LIMITS)
    wider = namespace({"memory": {"max": "1Gi"}})
    assert bench.call("POST", "/apply", body(task("1Gi"), wider)).status_code == 200


def test_what_is_stored_may_be_scaled_but_not_given_another_template_beyond_them(bench: ApiBench) -> None:
    bench.call("POST", "/apply", body(service("1Gi")))
    limit(bench, LIMITS)
    assert bench.call("POST", "/apply", body(service("1Gi", replicas=2))).status_code == 200
    problem(bench.call("POST", "/apply", body(service("512Mi", replicas=2))), 409)
    assert bench.call("POST", "/apply", body(service("256Mi"))).status_code == 200


def test_a_range_that_nothing_keeps_to_is_refused(bench: ApiBench) -> None:
    told = problem(bench.call("POST", "/apply", body(namespace({"memory": {"min": "2Gi", "max": "1Gi"}}))), 422)
    (violation,) = told["violations"]
    assert violation["path"] == "spec.limits.memory.max"


def test_a_dispatch_is_refused_too(bench: ApiBench) -> None:
    spec = {"parameters": {"payload": "optional"}, "template": {"spec": task("1Gi")["spec"]}}
    metadata = {"name": "resize", "namespace": "team"}
    job = {"apiVersion": "taskyard/v1", "kind": "Job", "metadata": metadata, "spec": spec}
    assert bench.call("POST", "/apply", body(job)).status_code == 200
    limit(bench, LIMITS)
    told = problem(bench.call("POST", "/jobs/resize/dispatch?namespace=team", {}), 409)
    assert "spec.template.spec.resources.memory is 1Gi" in told["detail"]


def test_a_namespace_shows_what_is_used_of_its_quota(bench: ApiBench) -> None:
    bench.plane.add_node("n1")
    bench.plane.lead()
    declared = namespace(LIMITS)
    declared["spec"]["quota"] = {"memory": "1Gi", "tasks": 3}
    others = manifest("other")
    others["spec"]["resources"] = {"memory": "64Mi"}
    bench.call("POST", "/apply", body(declared, task("256Mi"), others))
    bench.plane.settle(bench.plane.scheduler)
    shown = bench.call("GET", "/namespaces/team").json
    assert shown["status"] == {"used": {"cpu": "0", "memory": "256Mi", "disk": "0", "tasks": 1}}
    assert (shown["spec"]["quota"], shown["spec"]["limits"]) == (declared["spec"]["quota"], LIMITS)
    limit(bench, LIMITS)
    assert "status" not in bench.call("GET", "/namespaces/team").json


def test_why_says_what_is_beyond_them(bench: ApiBench) -> None:
    bench.plane.add_node("n1")
    bench.plane.lead()
    bench.call("POST", "/apply", body(task("1Gi")))
    limit(bench, LIMITS)
    bench.plane.settle(bench.plane.scheduler)
    status = bench.call("GET", "/tasks/web?namespace=team").json["status"]
    assert (status["state"], status["reason"]) == ("Pending", "BeyondLimits")
    why = bench.call("GET", "/tasks/web/why?namespace=team").json
    assert "spec.resources.memory is 1Gi, more than 256Mi" in why["message"]
