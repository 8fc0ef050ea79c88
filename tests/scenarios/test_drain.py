"""A drain of a node on a real etcd and a real Docker: what of it starts first, and what its deadline does."""

from __future__ import annotations

import sys
import threading
import time
import urllib.request

import pytest

from tests.scenarios.test_command_line import taskyard
from tests.scenarios.test_services import PATIENCE, pages, web
from tests.support.cluster import LiveCluster
from tests.support.manifests import task

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


class Load:
    """Asks one endpoint after the other, of those that there are at that moment."""

    def __init__(self, live: LiveCluster) -> None:
        self._live = live
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.fewest, self.asked, self.failed = 10**6, 0, list[str]()

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            _, found = self._live.call("GET", "/services/web/endpoints")
            self.fewest = min(self.fewest, len(found["endpoints"]))
            endpoint = found["endpoints"][self.asked % len(found["endpoints"])]
            port = endpoint["ports"][0]
            self.asked += 1
            try:
                with urllib.request.urlopen(f"http://{port['address']}:{port['port']}/", timeout=10) as answer:
                    answer.read()
            except OSError as error:
                self.failed.append(f"{endpoint}: {error}")


def nodes(live: LiveCluster) -> dict[str, str]:
    return {each["metadata"]["name"]: each["status"].get("node", "") for each in live.tasks()}


def test_a_start_first_service_misses_no_replica_and_no_request(
    live: LiveCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    service = web("one", order="start-first")
    container = service["spec"]["template"]["spec"]
    container["healthCheck"] = {"command": ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"], "interval": "1s"}
    container["stop"] = {"gracePeriod": "1s", "delay": "3s"}
    live.apply(service)
    assert taskyard(live, "rollout", "status", "web", "--timeout", PATIENCE).returncode == 0
    live.until(lambda: pages(live) == ["one", "one"], 60, "both answer")
    live.add_agent("n2")
    live.until(lambda: live.node_ready("n2"), 30, "n2 is there")

    began = time.monotonic()
    with Load(live) as load:
        drained = taskyard(live, "drain", "n1", "--timeout", PATIENCE)
        took = time.monotonic() - began
        live.until(lambda: nodes(live) == {"web-0": "n2", "web-1": "n2"}, 60, "the stand-ins are gone")
    assert drained.returncode == 0, drained.stderr
    with capsys.disabled():
        sys.stdout.write(
            f"\ndrained in {took:.1f} s: {load.asked} requests, {len(load.failed)} failed, never below {load.fewest}\n"
        )
    assert load.fewest >= 2
    assert load.failed == []


def test_a_deadline_stops_what_a_budget_holds_and_an_undone_drain_nothing(live: LiveCluster) -> None:
    live.apply(task("web", minAvailable=1))
    live.wait_state("web", "Running")
    live.add_agent("n2")
    live.until(lambda: live.node_ready("n2"), 30, "n2 is there")

    held = taskyard(live, "drain", "n1", "--timeout", "3s")
    assert (held.returncode, "1 task left" in held.stderr) == (1, True), held.stderr
    assert taskyard(live, "uncordon", "n1").returncode == 0
    assert nodes(live) == {"web": "n1"}

    forced = taskyard(live, "drain", "n1", "--deadline", "4s", "--timeout", PATIENCE)
    assert forced.returncode == 0, forced.stderr
    assert "to be stopped whatever holds it in 4s" in forced.stderr
    live.until(lambda: nodes(live) == {"web": "n2"}, 30, "it runs on n2")
