"""Defaults of a namespace over the API: every way in fills in alike, once, and what is stored stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard import keys
from taskyard.keys import ObjectKey
from tests.controlplane.api.bench import ApiBench, manifest, problem

MEMORY = {"resources": {"memory": "128Mi"}}


def namespace(defaults: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": "team"}
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Namespace",
        "metadata": metadata,
        "spec": {"defaults": defaults, **spec},
    }


def task(**spec: Any) -> dict[str, Any]:
    made = manifest("web", namespace="team")
    made["spec"] |= spec
    return made


def of_kind(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "taskyard/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "team"},
        "spec": spec,
    }


def service(replicas: int = 1, **spec: Any) -> dict[str, Any]:
    return of_kind("Service", {"replicas": replicas, "template": {"spec": task(**spec)["spec"]}})


def body(*manifests: dict[str, Any]) -> dict[str, Any]:
    return {"documents": [{"source": f"a.yaml:{n}", "object": one} for n, one in enumerate(manifests, 1)]}


def apply(bench: ApiBench, *manifests: dict[str, Any], how: str = "") -> list[dict[str, Any]]:
    answer = bench.call("POST", f"/apply{how}", body(*manifests))
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json["results"]
    return results


def get(bench: ApiBench, where: str = "tasks/web") -> dict[str, Any]:
    answer = bench.call("GET", f"/{where}?namespace=team")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json
    return shown


@pytest.mark.parametrize(
    ("value", "path"),
    [
        pytest.param(task(), "spec", id="task"),
        pytest.param(service(), "spec.template.spec", id="service"),
        pytest.param(of_kind("Job", {"template": {"spec": task()["spec"]}}), "spec.template.spec", id="job"),
        pytest.param(
            of_kind(
                "Cron",
                {"schedule": "* * * * *", "template": {"spec": {"template": {"spec": task()["spec"]}}}},
            ),
            "spec.template.spec.template.spec",
            id="cron",
        ),
    ],
)
def test_what_is_not_said_is_filled_in_noted_and_no_change_the_next_time(
    bench: ApiBench, value: dict[str, Any], path: str
) -> None:
    apply(bench, namespace(MEMORY))
    (result,) = apply(bench, value)
    shown = result["object"]
    assert shown["metadata"]["defaulted"] == [f"{path}.resources.memory"]
    spec = shown
    for step in path.split("."):
        spec = spec[step]
    assert spec["resources"] == {"memory": "128Mi"}
    for again in (value, shown):
        assert [each["result"] for each in apply(bench, again)] == ["unchanged"]
        assert [each["result"] for each in apply(bench, again, how="?dryRun=1")] == ["unchanged"]
    apply(bench, namespace({"resources": {"memory": "64Mi"}}))
    assert [each["result"] for each in apply(bench, value)] == ["unchanged"]


@pytest.mark.parametrize("way", ["POST /tasks", "PUT /tasks/web", "POST /apply"])
def test_each_way_in_fills_in_alike(bench: ApiBench, way: str) -> None:
    apply(bench, namespace(MEMORY))
    method, path = way.split()
    sent = body(task()) if path == "/apply" else task()
    assert bench.call(method, f"{path}?namespace=team" if "web" in path else path, sent).status_code in (200, 201)
    stored = bench.stored("web", "team")
    assert stored is not None
    assert stored.spec.resources.memory == "128Mi"


def test_the_namespace_of_the_same_apply_counts(bench: ApiBench) -> None:
    _, made = apply(bench, task(), namespace(MEMORY))[::-1]
    assert made["object"]["spec"]["resources"] == {"memory": "128Mi"}


def test_a_plan_and_a_dry_run_show_what_would_be_filled_in(bench: ApiBench) -> None:
    bench.plane.add_node("n1")
    bench.plane.lead()
    apply(bench, namespace(MEMORY))
    (tried,) = apply(bench, task(), how="?dryRun=1")
    assert {"path": "spec.resources", "new": {"memory": "128Mi"}} in tried["changes"]
    answer = bench.call("POST", "/plan", body(task()))
    assert answer.status_code == 200, answer.text
    (item,) = answer.json["items"]
    assert {"path": "spec.resources", "new": {"memory": "128Mi"}} in item["changes"]
    assert bench.stored("web", "team") is None


def test_what_is_stored_keeps_its_values_until_another_template_takes_those_of_now(bench: ApiBench) -> None:
    apply(bench, namespace(MEMORY))
    apply(bench, service())
    apply(bench, namespace({"resources": {"memory": "64Mi"}}))
    assert get(bench, "services/web")["spec"]["template"]["spec"]["resources"] == {"memory": "128Mi"}
    (scaled,) = apply(bench, service(replicas=3))
    assert [each["path"] for each in scaled["changes"]] == ["spec.replicas"]
    (rolled,) = apply(bench, service(replicas=3, args=["x"]))
    assert rolled["object"]["spec"]["template"]["spec"]["resources"] == {"memory": "64Mi"}
    apply(bench, namespace(MEMORY))
    restart = {"spec": {"template": {"spec": {"containerLabels": {"restarted-at": "now"}}}}}
    restarted = bench.call("PATCH", "/services/web?namespace=team", restart).json
    assert restarted["spec"]["template"]["spec"]["resources"] == {"memory": "128Mi"}
    apply(bench, namespace({}))
    (rolled,) = apply(bench, service(replicas=3, args=["y"]))
    assert "resources" not in rolled["object"]["spec"]["template"]["spec"]
    assert "defaulted" not in rolled["object"]["metadata"]


def test_what_is_older_than_the_defaults_stays_as_it_is(bench: ApiBench) -> None:
    apply(bench, task())
    apply(bench, namespace(MEMORY))
    labelled = task()
    labelled["metadata"]["labels"] = {"tier": "web"}
    assert apply(bench, task())[0]["result"] == "unchanged"
    (changed,) = apply(bench, labelled)
    assert "resources" not in changed["object"]["spec"]
    assert changed["object"]["metadata"]["generation"] == 1


def test_a_value_that_is_written_out_is_its_authors_from_the_next_change_on(bench: ApiBench) -> None:
    apply(bench, namespace(MEMORY))
    apply(bench, task())
    (changed,) = apply(bench, task(resources={"memory": "128Mi"}, args=["x"]))
    assert "defaulted" not in changed["object"]["metadata"]
    apply(bench, namespace({"resources": {"memory": "64Mi"}}))
    (changed,) = apply(bench, task(args=["x"]))
    assert changed["object"]["spec"]["resources"] == {"memory": "64Mi"}


def test_a_patch_changes_what_its_author_wrote(bench: ApiBench) -> None:
    apply(bench, namespace(MEMORY))
    apply(bench, task())
    patch = {"metadata": {"labels": {"tier": "web"}}}
    assert bench.call("PATCH", "/tasks/web?namespace=team", patch).status_code == 200
    shown = get(bench)
    assert (shown["spec"]["resources"], shown["metadata"]["generation"]) == ({"memory": "128Mi"}, 1)
    assert shown["metadata"]["defaulted"] == ["spec.resources.memory"]
    apply(bench, namespace({"resources": {"memory": "64Mi"}}))
    patch = {"spec": {"args": ["x"]}}
    assert bench.call("PATCH", "/tasks/web?namespace=team", patch).json["spec"]["resources"] == {"memory": "64Mi"}
    patch = {"spec": {"resources": {"memory": None}}}
    assert bench.call("PATCH", "/tasks/web?namespace=team", patch).json["metadata"]["generation"] == 2


def test_an_undo_brings_back_what_was_and_that_it_was_not_written(bench: ApiBench) -> None:
    bench.plane.lead()
    apply(bench, namespace(MEMORY))
    apply(bench, task())
    apply(bench, namespace({"resources": {"memory": "64Mi"}}))
    apply(bench, task(args=["x"]))
    answer = bench.call("POST", "/tasks/web/undo?namespace=team")
    assert answer.status_code == 200, answer.text
    shown = get(bench)
    assert shown["spec"]["resources"] == {"memory": "128Mi"}
    assert apply(bench, task())[0]["result"] == "unchanged"


def test_a_dispatched_job_has_what_its_job_has_and_the_rest_of_the_defaults(bench: ApiBench) -> None:
    apply(bench, namespace(MEMORY))
    spec = {"parameters": {"optional": ["WIDTH"]}, "template": {"spec": task()["spec"]}}
    apply(bench, of_kind("Job", spec))
    apply(bench, namespace({"resources": {"memory": "64Mi", "cpu": "50m"}}))
    made = bench.call("POST", "/jobs/web/dispatch?namespace=team", {"arguments": {"WIDTH": "9"}, "name": "nine"})
    assert made.status_code == 201, made.text
    assert made.json["spec"]["template"]["spec"]["resources"] == {"memory": "128Mi", "cpu": "50m"}
    paths = ["spec.template.spec.resources.memory", "spec.template.spec.resources.cpu"]
    assert made.json["metadata"]["defaulted"] == paths


def test_defaults_fill_in_what_limits_want_to_be_stated(bench: ApiBench) -> None:
    limits = {"memory": {"min": "64Mi", "max": "256Mi"}}
    apply(bench, namespace({}, limits=limits))
    problem(bench.call("POST", "/apply", body(task())), 409)
    apply(bench, namespace(MEMORY, limits=limits))
    assert apply(bench, task())[0]["result"] == "created"


def test_defaults_of_a_namespace_that_is_not_valid_count_for_nothing(bench: ApiBench) -> None:
    broken = (
        b'{"apiVersion":"taskyard/v1","kind":"Namespace","metadata":{"name":"team"},'
        b'"spec":{"defaults":{"resources":{"memory":"1Ki"}}}}'
    )
    bench.plane.put(keys.object_key(ObjectKey("Namespace", "default", "team")), broken)
    (made,) = apply(bench, task())
    assert "resources" not in made["object"]["spec"]


@pytest.mark.parametrize(
    ("defaults", "limits", "path", "says"),
    [
        pytest.param(
            {"resources": {"memory": "512Mi"}},
            {"memory": {"max": "256Mi"}},
            "spec.defaults.resources.memory",
            "'512Mi' is more than limits.memory.max ('256Mi')",
            id="more than the most",
        ),
        pytest.param(
            {"resources": {"cpu": "10m"}},
            {"cpu": {"min": "50m"}},
            "spec.defaults.resources.cpu",
            "'10m' is less than limits.cpu.min ('50m')",
            id="less than the least",
        ),
        pytest.param(
            {"limits": {"cpu": "none"}},
            {"cpu": {"max": 2}},
            "spec.defaults.limits.cpu",
            "'none' is more than limits.cpu.max (2)",
            id="no limit where there is a most",
        ),
        pytest.param(
            {"resources": {"memory": "128Mi"}, "limits": {"memory": "64Mi"}},
            {},
            "spec.defaults.limits.memory",
            "'64Mi' is less than defaults.resources.memory ('128Mi')",
            id="less allowed than set aside",
        ),
        pytest.param(
            {"resources": {"memory": "1Ki"}},
            {},
            "spec.defaults.resources.memory",
            "'1Ki' is less than 6Mi",
            id="no container can be given that",
        ),
        pytest.param(
            {"tolerations": [{"value": "x"}]},
            {},
            "spec.defaults.tolerations[0]",
            "a toleration without a key tolerates nothing",
            id="a toleration of nothing",
        ),
    ],
)
def test_defaults_that_no_task_could_have_are_refused(
    bench: ApiBench, defaults: dict[str, Any], limits: dict[str, Any], path: str, says: str
) -> None:
    told = problem(bench.call("POST", "/apply", body(namespace(defaults, limits=limits))), 422)
    (violation,) = told["violations"]
    assert violation["path"] == path
    assert says in violation["message"]
    assert violation["hint"]
