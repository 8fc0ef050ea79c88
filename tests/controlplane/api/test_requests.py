"""What is refused before anything is done: sizes, types, parameters, routes, methods; and what nobody expected."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from controlplane.api.http.request import MAX_BODY
from tests.controlplane.api.bench import SEED_BODY, ApiBench, manifest, problem


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=latin-1", ""],
)
def test_other_content_types_are_415(bench: ApiBench, content_type: str) -> None:
    body = problem(bench.call("POST", "/tasks", SEED_BODY, content_type=content_type), 415)
    assert "application/json" in body["detail"] or "UTF-8" in body["detail"]


def test_compressed_bodies_are_415(bench: ApiBench) -> None:
    problem(bench.call("POST", "/tasks", b"x", headers={"Content-Encoding": "gzip"}), 415)


def test_charset_utf8_is_fine(bench: ApiBench) -> None:
    made = bench.call("POST", "/tasks", SEED_BODY, content_type="application/json; charset=UTF-8")
    assert made.status_code == 201


def test_a_body_that_says_it_is_too_large_is_413(bench: ApiBench) -> None:
    problem(bench.call("POST", "/tasks", b" " * (MAX_BODY + 1)), 413)


def test_a_body_that_does_not_say_how_large_it_is_is_not_read_to_its_end(bench: ApiBench) -> None:
    """Chunked, and never ending: it is cut off at the limit."""
    pieces = 0
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": b" " * 65536, "more_body": True}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/tasks",
        "raw_path": b"/tasks",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"transfer-encoding", b"chunked"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    asyncio.run(bench.app(scope, receive, send))
    assert sent[0]["status"] == 413
    assert pieces <= MAX_BODY // 65536 + 2


@pytest.mark.parametrize(
    ("path", "part"),
    [
        pytest.param("/tasks?lableSelector=a", "did you mean 'labelSelector'?", id="misspelt"),
        pytest.param("/tasks?labelSelector=a%20b", "is not a label selector", id="label selector"),
        pytest.param("/tasks?fieldSelector=status.stat%3DRunning", "choose from", id="field selector"),
        pytest.param("/tasks?watch=maybe", "neither true nor false", id="flag"),
        pytest.param("/tasks?limit=-1", "not a whole number", id="number"),
        pytest.param("/tasks?limit=1&limit=2", "more than once", id="twice"),
        pytest.param("/tasks/web/logs?tail=some", "not a whole number", id="tail"),
        pytest.param(
            "/tasks?namespace=A%20B", "namespace='A B' is not a namespace's name: use 1 to 63", id="namespace"
        ),
        pytest.param("/events?namespace=a.b&watch=1", "is not a namespace's name", id="namespace of a watch"),
        pytest.param("/nodes?namespace=a", "no query parameter 'namespace'", id="not of this route"),
    ],
)
def test_bad_parameters_are_400(bench: ApiBench, path: str, part: str) -> None:
    assert part in problem(bench.call("GET", path), 400)["detail"]


def test_all_that_is_wrong_with_a_query_is_told_at_once(bench: ApiBench) -> None:
    told = problem(bench.call("GET", "/tasks?limt=1&watch=maybe&limit=x&namespace=A&consistent=1"), 400)
    assert [one["path"] for one in told["violations"]] == ["limt", "watch", "limit", "namespace"]
    assert all(one["message"] in told["detail"] for one in told["violations"])
    assert "violations" not in problem(bench.call("GET", "/tasks?limt=1"), 400)


@pytest.mark.parametrize("grace", ["-1", "soon", "1e9", "99999999"])
def test_a_bad_grace_period_deletes_nothing(bench: ApiBench, grace: str) -> None:
    bench.call("POST", "/tasks", manifest())
    problem(bench.call("DELETE", f"/tasks/web?gracePeriod={grace}"), 400)
    assert bench.stored("web") is not None


@pytest.mark.parametrize("path", ["/", "/nope", "/tasks/a/b", "/tasks/web/logs/x"])
def test_unknown_routes_are_404(bench: ApiBench, path: str) -> None:
    problem(bench.call("GET", path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/tasks", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("POST", "/tasks/web", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("POST", "/secrets/db", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("POST", "/nodes/n1", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("GET", "/apply", {"POST", "OPTIONS"}),
    ],
)
def test_wrong_methods_are_405_with_the_right_ones(bench: ApiBench, method: str, path: str, allowed: set[str]) -> None:
    answer = bench.call(method, path)
    problem(answer, 405)
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_options_says_what_there_is(bench: ApiBench) -> None:
    answer = bench.call("OPTIONS", "/tasks/web")
    assert answer.status_code == 200
    assert "DELETE" in answer.headers["allow"]


def test_a_trailing_slash_does_not_matter(bench: ApiBench) -> None:
    assert bench.call("GET", "/tasks/").status_code == 200


def test_what_nobody_expected_tells_an_id_and_nothing_else(bench: ApiBench, caplog: pytest.LogCaptureFixture) -> None:
    bench.api.tasks.cache = None  # type: ignore[assignment]  # any bug will do
    with caplog.at_level(logging.ERROR):
        answer = bench.call("GET", "/tasks")
    body = problem(answer, 500)
    ident = body["instance"].rpartition(":")[2]
    assert ident in body["detail"]
    assert "NoneType" not in answer.text
    assert "Traceback" not in answer.text
    (record,) = [record for record in caplog.records if ident in record.getMessage()]
    assert record.exc_info is not None
