"""/metrics says what Prometheus asks, from this process's own registry; /version says who answers."""

from __future__ import annotations

from taskyard import __version__
from tests.controlplane.api.bench import ApiBench, manifest


def numbers(bench: ApiBench) -> dict[str, float]:
    text = bench.call("GET", "/metrics").text
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_the_cluster_is_counted(bench: ApiBench) -> None:
    bench.call("POST", "/tasks", manifest("a"))
    bench.bind("a")
    bench.call("POST", "/tasks", manifest("b"))
    found = numbers(bench)
    assert found['taskyard_tasks{state="Scheduled"}'] == 1
    assert found['taskyard_tasks{state="Pending"}'] == 1
    assert found['taskyard_tasks{state="Running"}'] == 0
    assert (found["taskyard_nodes"], found["taskyard_nodes_ready"]) == (1, 1)
    assert (found["taskyard_nodes_lost"], found["taskyard_mass_loss_nodes"]) == (0, 0)
    assert found["taskyard_scheduler_moved_total"] == 0
    assert found["taskyard_cache_revision"] == bench.plane.cache.revision
    assert found["taskyard_scheduler_bound_total"] == 1
    assert found['taskyard_scheduler_bind_seconds_bucket{le="+Inf"}'] == 1


def test_requests_are_counted_by_route_and_not_by_path(bench: ApiBench) -> None:
    bench.call("GET", "/tasks/a")
    bench.call("GET", "/tasks/b")
    bench.call("GET", "/nope")
    found = numbers(bench)
    assert found['taskyard_api_requests_total{method="GET",route="/tasks/{ident}",status="404"}'] == 2
    assert found['taskyard_api_requests_total{method="GET",route="(none)",status="404"}'] == 1
    assert found['taskyard_api_request_seconds_count{method="GET",route="/tasks/{ident}"}'] == 2


def test_lag_behind_etcd(bench: ApiBench) -> None:
    bench.plane.add_node("n1")
    bench.contact.probe()
    assert numbers(bench)["taskyard_cache_lag_revisions"] == 1
    bench.plane.pump()
    assert numbers(bench)["taskyard_cache_lag_revisions"] == 0


def test_version(bench: ApiBench) -> None:
    assert bench.call("GET", "/version").json == {"version": __version__, "apiVersion": "taskyard/v1"}
