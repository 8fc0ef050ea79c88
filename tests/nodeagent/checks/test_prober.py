"""Asking containers of a real Docker: HTTP, TCP and commands, that pass, fail and hang."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from nodeagent.checks.prober import NetworkProber
from nodeagent.runtime.port import ContainerInfo
from taskyard.clock import SystemClock
from taskyard.objects import Check, HttpCheck, TcpCheck
from tests.nodeagent.runtime.conftest import RealTasks, tasks
from tests.support.waiting import until

pytestmark = pytest.mark.docker
__all__ = ["tasks"]

_SERVES = (
    "mkdir /www && echo hello > /www/ready && httpd -p 80 -h /www; nc -ll -p 81 -e sleep 100 & echo up; sleep 1000"
)


def test_http_tcp_and_commands(tasks: RealTasks) -> None:
    container = tasks.start({"command": ["sh", "-c", _SERVES]})
    tasks.until_printed(container, "up")
    found = tasks.runtime.inspect(container)
    assert found is not None
    probe = _probing(NetworkProber(tasks.runtime, SystemClock()), found)
    until(lambda: probe(Check(tcp=TcpCheck(port=80))) == "")
    assert probe(Check(http=HttpCheck(port=80, path="/ready"))) == ""
    assert probe(Check(http=HttpCheck(port=80, path="/nowhere"))) == "HTTP status 404"
    assert probe(Check(http=HttpCheck(port=82))) == "connection refused"
    assert probe(Check(tcp=TcpCheck(port=82))) == "connection refused"
    assert probe(Check(command=["test", "-e", "/www/ready"])) == ""
    assert probe(Check(command=["sh", "-c", "exit 3"])) == "exit code 3"
    assert probe(Check(command=["/nowhere"])) != ""


def test_what_hangs_is_given_up_in_time(tasks: RealTasks) -> None:
    container = tasks.start({"command": ["sh", "-c", _SERVES]})
    tasks.until_printed(container, "up")
    found = tasks.runtime.inspect(container)
    assert found is not None
    probe = _probing(NetworkProber(tasks.runtime, SystemClock()), found)
    until(lambda: probe(Check(tcp=TcpCheck(port=81))) == "")
    for check in (
        Check(http=HttpCheck(port=81), timeout="500ms"),
        Check(command=["sleep", "100"], timeout="500ms"),
    ):
        began = time.monotonic()
        assert probe(check) in ("no answer in time", "it took too long")
        assert time.monotonic() - began < 10.0


def _probing(prober: NetworkProber, container: ContainerInfo) -> Callable[[Check], str]:
    return lambda check: prober.probe(container, check)
