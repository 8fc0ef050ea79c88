"""Sidecars on a real Docker: one network, started again by themselves, adopted, stopped after the task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from taskyard.objects import SidecarStatus
from tests.nodeagent.agent_process import AgentProcess
from tests.support.docker_engine import DockerEngine
from tests.support.etcd_server import EtcdServer

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


@pytest.fixture
def agent(tmp_path: Path, etcd: EtcdServer, docker_engine: DockerEngine) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path, etcd.endpoint, docker_engine.host)
    process.start()
    process.ready()
    yield process
    process.stop()
    docker_engine.remove_all(f"taskyard/cluster={process.cluster}")


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


SERVES: dict[str, Any] = {
    "name": "page",
    "command": shell("mkdir /www; echo hello from beside > /www/index.html; exec httpd -f -p 8000 -h /www"),
}
ENDS: dict[str, Any] = {"name": "ends", "command": shell("echo up; sleep 1; exit 3"), "start": "after"}
ASK_ONCE = "until wget -q -O - http://127.0.0.1:8000/; do sleep 0.1; done"
ASKS = shell(f"{ASK_ONCE}; trap 'exit 0' TERM; while :; do sleep 0.1; done")


def beside(agent: AgentProcess, uid: str, name: str) -> SidecarStatus | None:
    status = agent.status(uid)
    return next((one for one in status.sidecars if one.name == name), None) if status else None


def test_they_share_the_task_s_network_also_across_agents_and_restarts(agent: AgentProcess) -> None:
    ports = [{"container": 8000, "host": "auto", "name": "page"}]
    backoff = {"backoff": {"initial": "100ms", "max": "100ms"}}
    uid = agent.assign(command=ASKS, ports=ports, sidecars=[SERVES, ENDS], restart=backoff, stop={"gracePeriod": 3})
    status = agent.wait_for(uid, "Running", timeout=90.0)
    agent.until(lambda: agent.logs(uid) == ["hello from beside"], timeout=60.0)
    (port,) = status.ports
    assert port.name == "page"
    assert port.host > 0
    agent.until(lambda: (one := beside(agent, uid, "ends")) and one.restarts >= 2, timeout=60.0)
    assert set(agent.logs(uid, container="ends")) == {"up"}
    agent.kill()
    agent.start()
    agent.ready()
    agent.until(lambda: (one := beside(agent, uid, "ends")) and one.restarts >= 4, timeout=60.0)
    found = agent.status(uid)
    assert found is not None
    assert (found.attempt, found.restarts, found.container_id) == (1, 0, status.container_id)
    agent.assign(
        uid=uid, command=ASKS, ports=ports, sidecars=[SERVES, ENDS], restart=backoff, stop={"gracePeriod": 3},
        desired="Stopped",
    )  # fmt: skip
    agent.wait_for(uid, "Completed", timeout=60.0)
    assert agent.containers() == {}


def test_a_task_that_runs_to_its_end_is_over_with_its_own_container(agent: AgentProcess) -> None:
    uid = agent.assign(command=shell(ASK_ONCE), sidecars=[SERVES], restart={"policy": "never"}, stop={"gracePeriod": 1})
    status = agent.wait_for(uid, "Completed", timeout=90.0)
    assert (status.exit_code, [one.state for one in status.sidecars]) == (0, ["Stopped"])
    assert set(agent.containers().values()) == {"exited"}


def test_one_that_stops_answering_is_restarted_alone_and_the_task_is_ready_again(agent: AgentProcess) -> None:
    alive = {"http": {"port": 8000}, "interval": "200ms", "timeout": "1s", "failures": 2}
    checks = {"startup": alive | {"failures": 100}, "liveness": alive, "readiness": alive}
    backoff = {"backoff": {"initial": "100ms", "max": "100ms"}}
    uid = agent.assign("sleep", "1000", sidecars=[SERVES | {"checks": checks}], restart=backoff,
                       stop={"gracePeriod": 1})  # fmt: skip
    ready = agent.until(lambda: (found := agent.status(uid)) and found.ready and found, timeout=90.0)
    with closing(docker.APIClient(agent.docker_host, version="auto")) as client:
        hung = client.exec_create(f"ty-{uid}-1-1-side1", ["rm", "/www/index.html"])
        client.exec_start(hung["Id"])
        agent.until(lambda: (one := beside(agent, uid, "page")) and one.restarts, timeout=60.0)
        # Its page is there again, as it writes it at each start.
        again = agent.until(lambda: (found := agent.status(uid)) and found.ready and found, timeout=60.0)
    assert (again.attempt, again.restarts, again.container_id) == (1, 0, ready.container_id)
