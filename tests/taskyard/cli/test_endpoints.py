"""`taskyard endpoints`, and the configurations of proxies that it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from taskyard import keys
from taskyard.cli.proxies import caddy, haproxy
from taskyard.client.views import EndpointPortView, EndpointsView, EndpointView, MetadataView
from taskyard.keys import ObjectKey
from taskyard.objects import Metadata, Port, Service, ServiceSpec, TaskSpec, TaskState
from taskyard.objects.service import TaskTemplate
from tests.support.served import ServedPlane
from tests.support.waiting import until
from tests.taskyard.cli.conftest import run


def view(name: str, *ports: int, address: str = "10.0.0.1", **annotations: str) -> EndpointsView:
    return EndpointsView(
        metadata=MetadataView(name=name, annotations={f"taskyard/{key}": text for key, text in annotations.items()}),
        endpoints=tuple(
            EndpointView(
                task=f"{name}-{number}",
                ports=(
                    EndpointPortView(address=address, port=port, container=53, protocol="udp"),
                    EndpointPortView(address=address, port=port, container=80, name="http"),
                    EndpointPortView(address=address, port=port + 1, container=9090, name="metrics"),
                ),
            )
            for number, port in enumerate(ports)
        ),
    )


WEB, SHOP = view("web", 32768, 32770), view("shop", 32800, **{"http-host": "a.example, b.example"})


def test_haproxy_by_host_and_by_default() -> None:
    lines = [line.strip() for line in haproxy([SHOP, WEB], ":8000").splitlines()]
    assert "bind :8000" in lines
    assert "use_backend default_shop if { hdr(host),field(1,:) -i a.example b.example }" in lines
    assert "default_backend default_web" in lines
    assert lines[lines.index("backend default_web") + 2 :][:2] == [
        "server web-0 10.0.0.1:32768",
        "server web-1 10.0.0.1:32770",
    ]


def test_caddy_by_host_and_by_default() -> None:
    text = caddy([SHOP, WEB], ":8000")
    assert text.startswith("a.example, b.example {\n\treverse_proxy 10.0.0.1:32800 {\n")
    assert "http://:8000 {\n\treverse_proxy 10.0.0.1:32768 10.0.0.1:32770 {\n" in text
    assert "respond 503" in caddy([view("web")], ":8000")


def test_the_port_of_the_annotation_and_an_address_of_ipv6() -> None:
    assert "server web-0 10.0.0.1:32769" in haproxy([view("web", 32768, **{"http-port": "metrics"})], ":80")
    assert "server web-0 10.0.0.1:32769" in haproxy([view("web", 32768, **{"http-port": "9090"})], ":80")
    assert "server" not in haproxy([view("web", 32768, **{"http-port": "53"})], ":80").partition("backend ")[2]
    assert "server web-0 [2001:db8::1]:32768" in haproxy([view("web", 32768, address="2001:db8::1")], ":80")


@pytest.mark.parametrize("odd", ["a.example }\n    http-request deny\n", "two words", "a{b", "-x"])
def test_an_annotation_that_is_no_host_name_says_nothing_in_a_configuration(odd: str) -> None:
    bad = view("bad", 32768, **{"http-host": odd})
    assert all(odd.strip() not in render([bad], ":80") for render in (haproxy, caddy))
    assert "default_backend" not in haproxy([bad], ":80")
    assert "default_backend default_web" in haproxy([bad, WEB], ":80")


@pytest.fixture
def web(served: ServedPlane) -> ServedPlane:
    spec = TaskSpec(image="busybox:1.35", ports=[Port(container=80, host=8080, name="http")])
    service = Service(
        metadata=Metadata(name="web", uid="0123456789ab", generation=1),
        spec=ServiceSpec(template=TaskTemplate(spec=spec)),
    )
    served.plane.put(keys.object_key(ObjectKey("Service", "default", "web")), service)
    served.plane.add_node("n1")
    served.plane.settle(served.plane.services)
    served.settle()
    return served


def test_as_a_table_as_json_and_into_a_file(
    web: ServedPlane, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = run(web, capsys, "endpoints").out.splitlines()
    assert [line.split()[:3] for line in lines] == [["SERVICE", "TASK", "NODE"], ["web", "web-0", "n1"]]
    assert run(web, capsys, "endpoints", "-A").out.split()[0] == "NAMESPACE"
    assert (
        json.loads(run(web, capsys, "endpoints", "service/web", "-o", "json").out)["items"][0]["endpoints"][0]["task"]
        == "web-0"
    )
    assert "endpoints:\n  - task: web-0\n" in run(web, capsys, "endpoints", "service/web", "-o", "yaml").out
    target, told = tmp_path / "haproxy.cfg", tmp_path / "told"
    assert (
        run(web, capsys, "endpoints", "web", "-o", "haproxy", "--write", str(target), "--then", f"touch {told}").code
        == 0
    )
    assert "backend default_web" in target.read_text()
    assert told.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["haproxy.cfg", "told"]


def test_a_watch_writes_the_file_again_at_each_change_and_only_then(web: ServedPlane, tmp_path: Path) -> None:
    target, told = tmp_path / "web.json", tmp_path / "told"
    arguments = ["endpoints", "web", "-o", "json", "--watch", "--write", str(target), "--then", f"echo x >> {told}"]
    command = [sys.executable, "-m", "taskyard", "--port", str(web.port), *arguments]

    def reached(times: int) -> list[str] | None:
        """By which tasks, once it was written so often."""
        if not told.exists() or told.read_text().count("x") != times:
            return None
        return [each["task"] for each in json.loads(target.read_text())["items"][0]["endpoints"]] or ["none"]

    process = subprocess.Popen(command, text=True)
    try:
        assert until(lambda: reached(1), 60.0) == ["web-0"]
        web.plane.report("web-0", TaskState.COMPLETED)
        web.plane.pump()
        assert until(lambda: reached(2), 60.0) == ["none"]
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["none"], "there is no service 'none'", id="no such service"),
        pytest.param(["task/web"], "only services have endpoints", id="a task"),
        pytest.param(["--then", "true"], "name it with --write FILE", id="then without a file"),
        pytest.param(["--write", "/no/such/folder/x"], "/no/such/folder/x: No such file or directory", id="no folder"),
        pytest.param(["--write", "/tmp/taskyard-x", "--then", "exit 3"], "ended with exit code 3", id="then fails"),
    ],
)
def test_what_cannot_be(
    web: ServedPlane, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str, tmp_path: Path
) -> None:
    arguments = [str(tmp_path / "x") if each == "/tmp/taskyard-x" else each for each in arguments]
    found = run(web, capsys, "endpoints", *arguments)
    assert (found.code, says in found.err) == (1, True), found.err
