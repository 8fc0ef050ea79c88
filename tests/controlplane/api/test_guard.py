"""No web page gets to this API by a rebound name or by a write from another origin."""

from __future__ import annotations

import pytest

from controlplane.api.http.guard import check, is_loopback
from controlplane.api.http.problem import ApiError
from tests.controlplane.api.bench import ApiBench, manifest, problem


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST:1",
        "127.0.0.1:8080",
        "[::1]:8080",
        "10.1.2.3",
        "yard.example:80",
        "x.localhost",
    ],
)
def test_known_hosts(host: str) -> None:
    check("GET", host, None, None, {"yard.example"})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("evil.example:8080", 403, id="rebound name"),
        pytest.param("localhost.evil.example", 403, id="suffix"),
        pytest.param("notlocalhost", 403, id="prefix"),
        pytest.param("127.0.0.1.evil.example", 403, id="address as a label"),
        pytest.param(None, 400, id="none"),
        pytest.param("", 400, id="empty"),
        pytest.param("[::1", 400, id="broken"),
    ],
)
def test_foreign_hosts(host: str | None, status: int) -> None:
    with pytest.raises(ApiError) as caught:
        check("GET", host, None, None, {"yard.example"})
    assert caught.value.problem.status == status


@pytest.mark.parametrize(
    ("method", "origin", "site", "passes"),
    [
        pytest.param("POST", None, None, True, id="no browser"),
        pytest.param("POST", "http://localhost:8080", "same-origin", True, id="own page"),
        pytest.param("GET", "http://evil.example", "cross-site", True, id="a read, which the page cannot see"),
        pytest.param("POST", "http://evil.example", None, False, id="foreign origin"),
        pytest.param("DELETE", "null", None, False, id="sandboxed page"),
        pytest.param("PUT", "http://localhost:9000", None, False, id="another port"),
        pytest.param("POST", None, "cross-site", False, id="without an origin"),
        pytest.param("PATCH", None, "same-site", False, id="same site, other origin"),
    ],
)
def test_origins(method: str, origin: str | None, site: str | None, passes: bool) -> None:
    if passes:
        check(method, "localhost:8080", origin, site, ())
        return
    with pytest.raises(ApiError) as caught:
        check(method, "localhost:8080", origin, site, ())
    assert caught.value.problem.status == 403


def test_it_stands_before_every_route(bench: ApiBench) -> None:
    headers = {"Origin": "http://evil.example"}
    problem(bench.call("POST", "/tasks", manifest(), headers=headers), 403)
    problem(bench.call("DELETE", "/nope", headers=headers), 403)
    rebound = bench.client.simulate_get("/tasks", host="evil.example")
    problem(rebound, 403)
    assert bench.stored("web") is None


def test_there_is_no_cors(bench: ApiBench) -> None:
    answer = bench.call("OPTIONS", "/tasks", headers={"Origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("yard", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
