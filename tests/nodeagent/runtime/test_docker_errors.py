"""What Docker says, as a person reads it."""

from __future__ import annotations

import msgspec
import pytest
import requests
from docker.errors import APIError

from nodeagent.runtime.docker_errors import explanation, is_name_taken, is_not_running
from nodeagent.runtime.docker_translate import container_event, container_info, familiar
from nodeagent.runtime.docker_wire import EventMessage, Inspected

FOREIGN = (
    "driver failed programming external connectivity on endpoint ty-4528487629ea-1-1 (c7e8e4b9a1a1): "
    "Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use"
)
CONTAINER = (
    "driver failed programming external connectivity on endpoint ty-4528487629ea-1-2 (fe4bf27ba709): "
    "Bind for 0.0.0.0:8080 failed: port is already allocated"
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        pytest.param(FOREIGN, "host port 8080 is already in use on the node", id="by a program"),
        pytest.param(CONTAINER, "host port 8080 is already in use on the node", id="by a container"),
        pytest.param(
            "Error: listen udp6 [::]:53: bind: address already in use",
            "host port 53 is already in use on the node",
            id="udp, IPv6",
        ),
        pytest.param("no such file or directory: unknown", "no such file or directory: unknown", id="anything else"),
    ],
)
def test_explanation(said: str, shown: str) -> None:
    assert explanation(APIError("500 Server Error", explanation=said)) == shown


def answer(status: int, said: str) -> APIError:
    response = requests.Response()
    response.status_code = status
    return APIError("an error", response=response, explanation=said)


IN_USE = 'creating container storage: the container name "ty-x" is already in use by a1f2: that name is already in use'
ENDED = "can only kill running containers. a1f2 is in state exited: container state improper"


@pytest.mark.parametrize(
    ("error", "taken", "not_running"),
    [
        pytest.param(answer(409, "Conflict."), True, True, id="Docker's conflict"),
        pytest.param(answer(500, IN_USE), True, False, id="Podman's name that is taken"),
        pytest.param(answer(500, ENDED), False, True, id="Podman's container that has ended"),
        pytest.param(answer(500, "container state improper: stopped"), False, True, id="Podman's that is just ending"),
        pytest.param(answer(500, "no space left on device"), False, False, id="trouble"),
        pytest.param(answer(404, "no such container"), False, False, id="gone"),
    ],
)
def test_podman_says_in_words_what_docker_says_by_a_status(error: APIError, taken: bool, not_running: bool) -> None:
    assert (is_name_taken(error), is_not_running(error)) == (taken, not_running)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("busybox:1.35", "busybox:1.35"),
        ("docker.io/library/busybox:1.35", "busybox:1.35"),
        ("docker.io/grafana/grafana:11", "grafana/grafana:11"),
        ("localhost/mine:1", "localhost/mine:1"),
        ("registry:5000/library/web:1", "registry:5000/library/web:1"),
    ],
)
def test_an_image_is_named_as_people_write_it(told: str, shown: str) -> None:
    assert familiar(told) == shown


@pytest.mark.parametrize(
    ("told", "name", "action", "exit_code"),
    [
        pytest.param("die", "exitCode", "die", 137, id="docker-end"),
        pytest.param("died", "containerExitCode", "die", 137, id="podman-end"),
        pytest.param("destroy", "", "destroy", None, id="docker-removal"),
        pytest.param("remove", "containerExitCode", "destroy", None, id="podman-removal"),
    ],
)
def test_events_are_told_in_dockers_words(told: str, name: str, action: str, exit_code: int | None) -> None:
    raw = {"Action": told, "Actor": {"ID": "a1", "Attributes": {name: "137"}}, "timeNano": 5_000_000_000}
    event = container_event(msgspec.convert(raw, EventMessage))
    assert (event.id, event.action, event.exit_code, event.at) == ("a1", action, exit_code, 5.0)


@pytest.mark.parametrize(
    ("told", "shown"), [("SIGUSR1", "SIGUSR1"), ("10", "SIGUSR1"), ("", "SIGTERM"), ("SIGRTMIN+3", "SIGRTMIN+3")]
)
def test_a_stop_signal_is_told_by_its_name(told: str, shown: str) -> None:
    raw = {"Id": "a1", "Name": "web", "State": {"Status": "running"}, "Config": {"StopSignal": told}}
    assert container_info(msgspec.convert(raw, Inspected)).stop_signal == shown
