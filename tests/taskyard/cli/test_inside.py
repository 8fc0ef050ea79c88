"""exec, attach, cp and port-forward: what is refused before anything is asked of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskyard.cli.commands.cp import Place, read_place
from taskyard.cli.commands.port_forward import Pair, read_pair
from taskyard.cli.failure import Failed
from taskyard.listening import listen
from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["exec", "web"], "say what to run", id="no command"),
        pytest.param(["exec", "web", "--"], "say what to run", id="no command after --"),
        pytest.param(["exec", "-t", "web", "--", "sh"], "-t needs a terminal", id="no terminal"),
        pytest.param(["exec", "-e", "=x", "web", "--", "sh"], "'=x' is not NAME=VALUE", id="environment"),
        pytest.param(["exec", "node/n1", "--", "sh"], "node/n1 is not a task", id="node"),
        pytest.param(["attach", "-t", "web"], "-t needs a terminal", id="attach without terminal"),
        pytest.param(["cp", "a", "b"], "one of the two has to be in a container", id="both here"),
        pytest.param(
            ["cp", "web:/a", "db:/b"], "by way of a pipe: taskyard cp web:/a - | taskyard cp - db:/b", id="both there"
        ),
        pytest.param(
            ["exec", "web", "-c", "log", "--", "ls"],
            "options stand before the task: taskyard exec -c",
            id="late option",
        ),
        pytest.param(["cp", "/no/such/file", "web:/a"], "there is no /no/such/file here", id="no source"),
        pytest.param(["port-forward", "web", "http"], "'http' is not a pair of ports", id="no port"),
    ],
)
def test_what_makes_no_sense(cli: Cli, api: FakeApi, words: list[str], said: str) -> None:
    run = cli(*words)
    assert said in run.err
    assert run.code == 1
    assert api.requests == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("web:/data", Place("web", "/data"), id="task"),
        pytest.param("task/web:/data", Place("web", "/data"), id="kind and name"),
        pytest.param("data/x", Place("", "data/x"), id="here"),
        pytest.param("./web:/data", Place("", "./web:/data"), id="here with a colon"),
        pytest.param("/a:b", Place("", "/a:b"), id="absolute with a colon"),
        pytest.param("-", Place("", "-"), id="a stream"),
    ],
)
def test_places(text: str, place: Place) -> None:
    assert read_place(text) == place


def test_a_path_in_a_container_begins_at_its_root() -> None:
    with pytest.raises(Failed, match="from the root of the container"):
        read_place("web:data")


@pytest.mark.parametrize(
    ("text", "pair"),
    [("8080:80", Pair(8080, 80)), ("5432", Pair(5432, 5432)), (":80", Pair(0, 80)), ("0:80", Pair(0, 80))],
)
def test_pairs_of_ports(text: str, pair: Pair) -> None:
    assert read_pair(text) == pair


@pytest.mark.parametrize("text", ["", ":", "80:", "0", "1:0", "65536", "65536:80", "-1:80", "80:80:80", "８０"])
def test_what_is_no_pair_of_ports(text: str) -> None:
    with pytest.raises(Failed, match="is not a pair of ports"):
        read_pair(text)


def test_a_path_that_is_not_there_is_named_with_its_task(cli: Cli, api: FakeApi, tmp_path: Path) -> None:
    api.refusals.append((404, "Could not find the file /etc/x in the container"))
    run = cli("cp", "web:/etc/x", str(tmp_path))
    assert run.err.splitlines() == [
        "error: web:/etc/x: Could not find the file /etc/x in the container",
        "hint: what is there: taskyard exec web -- ls /etc",
    ]
    assert run.code == 1


def test_a_port_here_that_is_taken(cli: Cli) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        run = cli("port-forward", "web", f"{port}:80")
    assert run.err.splitlines() == [
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use",
        "hint: any free port here: taskyard port-forward web :80",
    ]
    assert run.code == 1


def test_an_address_that_is_none(cli: Cli) -> None:
    run = cli("port-forward", "web", "80", "--address", "no.such.host.invalid")
    assert run.err.startswith("error: cannot listen on no.such.host.invalid:80: ")
    assert "--address with an address of this machine" in run.err
    assert run.code == 1


def test_no_server_for_a_conversation_is_said_as_for_anything_else(cli: Cli) -> None:
    run = cli("exec", "--port", "1", "web", "--", "ls")
    assert run.err.splitlines()[0] == "error: cannot reach the server at http://127.0.0.1:1: Connection refused"
    assert "taskyard up" in run.err
    assert run.code == 1


def test_no_port_of_a_task_that_has_no_node_is_forwarded(cli: Cli, api: FakeApi) -> None:
    api.put("web", "Pending", epoch=0, node="", message="no node has joined yet")
    run = cli("port-forward", "web", ":80")
    assert run.err.splitlines() == [
        "error: task/web has no container yet, it is Pending: no node has joined yet",
        "hint: what it waits for: taskyard why web",
    ]
    assert run.code == 1


def test_no_port_of_a_task_that_is_over_is_forwarded(cli: Cli, api: FakeApi) -> None:
    api.put("web", "Completed", message="exited with code 0")
    run = cli("port-forward", "web", ":80")
    assert (run.err, run.code) == ("error: task/web does not run, it is Completed: exited with code 0\n", 1)
