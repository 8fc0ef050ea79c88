"""While etcd is away: reads go on and say how old they are, writes say what is known, and nothing is guessed."""

from __future__ import annotations

import pytest

from tests.controlplane.api.bench import ApiBench, manifest, problem


@pytest.fixture
def away(bench: ApiBench) -> ApiBench:
    bench.call("POST", "/tasks", manifest())
    bench.contact.probe()
    bench.store.down = True
    bench.clock.advance(12)
    bench.contact.probe()
    return bench


def test_reads_go_on_and_say_how_old_they_are(away: ApiBench) -> None:
    for path in ("/tasks", "/tasks/web", "/nodes", "/events", "/stats"):
        answer = away.call("GET", path)
        assert answer.status_code == 200
        warning = answer.headers["warning"]
        assert "12 s" in warning
        assert f"revision {away.plane.cache.revision}" in warning


def test_without_an_outage_there_is_no_warning(bench: ApiBench) -> None:
    assert "warning" not in bench.call("GET", "/tasks").headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/tasks", manifest("api"), id="post"),
        pytest.param("PUT", "/tasks/web", manifest(image="b:2"), id="put"),
        pytest.param("DELETE", "/tasks/web", None, id="delete"),
        pytest.param("POST", "/delete", {"objects": [{"kind": "Task", "name": "web"}]}, id="delete many"),
        pytest.param("POST", "/apply", {"documents": [{"object": manifest("api")}]}, id="apply"),
        pytest.param("PATCH", "/nodes/n1", {"cordoned": True}, id="node"),
        pytest.param("GET", "/tasks?consistent=1", None, id="consistent list"),
        pytest.param("GET", "/tasks/web?consistent=1", None, id="consistent get"),
    ],
)
def test_what_needs_etcd_is_503_with_retry_after(away: ApiBench, method: str, path: str, body: object) -> None:
    answer = away.call(method, path, body)
    assert problem(answer, 503)["type"].endswith("EtcdUnavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_an_etcd_that_is_full_is_503_and_reads_are_not_said_to_be_old(bench: ApiBench) -> None:
    bench.store.full = True
    body = problem(bench.call("POST", "/tasks", manifest()), 503)
    assert body["type"].endswith("EtcdFull")
    assert "nothing was changed" in body["detail"]
    assert "warning" not in bench.call("GET", "/tasks").headers
    bench.store.full = False
    assert bench.call("POST", "/tasks", manifest()).status_code == 201


def test_a_failed_write_is_known_at_once(bench: ApiBench) -> None:
    bench.store.down = True
    bench.call("POST", "/tasks", manifest())
    assert "warning" in bench.call("GET", "/tasks").headers
    bench.store.down = False
    bench.contact.probe()
    assert "warning" not in bench.call("GET", "/tasks").headers


def test_an_unanswered_write_that_happened_is_a_success(bench: ApiBench) -> None:
    bench.store.fail("commit", "answer lost")
    assert bench.call("POST", "/tasks", manifest()).status_code == 201
    assert bench.stored("web") is not None


def test_an_unanswered_write_that_cannot_be_checked_is_said_to_be_unknown(bench: ApiBench) -> None:
    bench.store.fail("commit", "answer lost")
    bench.store.fail("get", "unreachable")
    body = problem(bench.call("POST", "/tasks", manifest()), 503)
    assert body["type"].endswith("OutcomeUnknown")
    assert "read it again" in body["detail"]


def test_readiness(away: ApiBench) -> None:
    assert away.call("GET", "/healthz").status_code == 200
    answer = away.call("GET", "/readyz")
    assert (answer.status_code, answer.json["ready"], answer.json["synced"]) == (503, False, True)
    away.store.down = False
    away.contact.probe()
    assert away.call("GET", "/readyz").status_code == 200


def test_before_the_first_list_nothing_is_made_up() -> None:
    bench = ApiBench(synced=False)
    for path in ("/tasks", "/tasks/web", "/nodes", "/events", "/stats", "/tasks?watch=1", "/tasks/web/logs"):
        assert "starting" in problem(bench.call("GET", path), 503)["detail"]
    assert bench.call("GET", "/readyz").status_code == 503
    assert bench.call("GET", "/healthz").status_code == 200
    bench.api.close()


@pytest.mark.parametrize(("method", "path"), [("POST", "/tasks"), ("PUT", "/tasks/web")])
def test_before_the_first_list_nothing_is_accepted(method: str, path: str) -> None:
    """Its namespace's limits and defaults are not known yet."""
    bench = ApiBench(synced=False)
    assert "starting" in problem(bench.call(method, path, manifest()), 503)["detail"]
    bench.api.close()
