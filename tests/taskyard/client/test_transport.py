"""One request: addresses, and every failure as the error that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from taskyard.client.api import Client, Named, Sent
from taskyard.client.errors import (
    BadAnswer,
    ClientError,
    Conflict,
    NotFound,
    RequestRefused,
    ServerUnreachable,
    Violation,
)
from taskyard.client.selection import Selection
from taskyard.client.transport import Timeouts, server_url
from tests.support.fake_api import FakeApi


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param("n1", "http://n1:8080", id="name"),
        pytest.param("n1:9000", "http://n1:9000", id="name and port"),
        pytest.param("http://n1:9000/", "http://n1:9000", id="slash at the end"),
        pytest.param("https://yard.example/api/", "https://yard.example:443/api", id="https below a path"),
        pytest.param("http://[::1]:8080", "http://[::1]:8080", id="IPv6"),
        pytest.param("0.0.0.0:8080", "http://127.0.0.1:8080", id="listen on all, IPv4"),
        pytest.param("http://[::]:8080", "http://[::1]:8080", id="listen on all, IPv6"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    assert server_url(text) == url


@pytest.mark.parametrize("text", ["ftp://n1", "http://", "http://n1:port", "http://n1:99999", ""])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ClientError, match="not the address of a server"):
        server_url(text)


def test_nothing_listens() -> None:
    with pytest.raises(
        ServerUnreachable, match=r"cannot reach the server at http://127.0.0.1:1: Connection refused"
    ) as got:
        Client("http://127.0.0.1:1").tasks()
    assert not got.value.sent


def test_no_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", Timeouts(read=0.05))
        with pytest.raises(ServerUnreachable, match="did not answer within") as got:
            client.apply([Sent("web.yaml:1", {})])
    assert got.value.sent


def test_something_else_answers(api: FakeApi) -> None:
    client = Client(f"{api.url}/nowhere")
    with pytest.raises(BadAnswer, match="answered 404"):
        client.tasks()


def test_json_of_another_shape(api: FakeApi) -> None:
    api.stats = {"nodes": "none"}
    with pytest.raises(BadAnswer, match="not a StatsView"):
        Client(api.url).stats()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(404, NotFound, id="not found"),
        pytest.param(409, Conflict, id="conflict"),
        pytest.param(412, Conflict, id="precondition"),
        pytest.param(422, RequestRefused, id="refused"),
    ],
)
def test_each_status_has_its_error(api: FakeApi, status: int, kind: type[RequestRefused]) -> None:
    api.refusals.append((status, "because"))
    with pytest.raises(kind, match="because") as got:
        Client(api.url).task("default", "web")
    assert type(got.value) is kind
    assert got.value.problem.status == status


def test_violations_are_carried(api: FakeApi) -> None:
    api.violations = [
        {"path": "spec.image", "message": "is missing", "hint": "add it", "source": "web.yaml", "line": 3}
    ]
    api.refusals.append((422, "bad"))
    with pytest.raises(RequestRefused) as got:
        Client(api.url).apply([Sent("web.yaml:1", {})])
    assert got.value.problem.violations == [Violation("spec.image", "is missing", "add it", "web.yaml", 3)]


def test_the_query_leaves_out_what_is_not_given(api: FakeApi) -> None:
    client = Client(api.url)
    api.put("web")
    client.tasks(Selection("default", "app=web,tier!=a b"))
    client.delete([Named("Task", "default", "web")], grace_period=0)
    assert api.requests == [
        "GET /tasks?namespace=default&labelSelector=app%3Dweb%2Ctier%21%3Da+b",
        "POST /delete?gracePeriod=0",
    ]


def test_logs_stream_in_pieces(api: FakeApi) -> None:
    api.put("web")
    api.logs = [b"one\ntw", b"o\n", b"\xff\xfe\n"]
    with Client(api.url).logs("default", "web") as pieces:
        assert b"".join(pieces) == b"one\ntwo\n\xff\xfe\n"


def test_a_connection_is_used_again_after_a_stream_was_left(api: FakeApi) -> None:
    api.put("web")
    client = Client(api.url)
    batches = client.watch_tasks()
    next(batches)
    batches.close()
    assert len(client.tasks().items) == 1
