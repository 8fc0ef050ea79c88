"""What outlasts a container or an agent, on a real Docker: the log of a task that is over, and how long it still waits
for its next start."""

from __future__ import annotations

from contextlib import closing

import docker
import pytest

from nodeagent.runtime.docker import DockerRuntime
from taskyard.clock import parse_timestamp
from tests.nodeagent.agent_process import AgentProcess

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


def test_the_log_of_a_task_that_is_over_stays_as_long_as_the_operator_says(agent: AgentProcess) -> None:
    agent.start("--keep-ended", "4")
    agent.ready()
    uid = agent.assign(command=["sh", "-c", "echo done; exit 3"], restart={"policy": "never"})
    ended = agent.wait_for(uid, "Failed")
    assert agent.logs(uid) == ["done"]
    with closing(DockerRuntime(agent.docker_host)) as runtime:
        events = runtime.events({"taskyard/cluster": agent.cluster}, parse_timestamp(ended.finished_at))
        removed = next(event.at for event in events if event.action == "destroy")
        events.close()
    assert 4.0 <= removed - parse_timestamp(ended.finished_at) < 9.0
    assert agent.containers() == {}
    agent.until(lambda: agent.get(f"/logs/{uid}").status == 410)
    assert agent.status(uid) == ended


def test_a_new_agent_waits_out_what_is_left_of_a_backoff(agent: AgentProcess) -> None:
    agent.start()
    agent.ready()
    backoff = {"initial": "2s", "max": "60s", "jitter": 0}
    uid = agent.assign(command=["sh", "-c", "exit 3"], restart={"backoff": backoff}, stop={"gracePeriod": "0s"})
    waiting = agent.until(
        lambda: (found := agent.status(uid)) and found.backoff_step == 2 and found.next_attempt_at and found
    )
    agent.kill()
    agent.start()
    agent.until(lambda: (found := agent.status(uid)) and found.backoff_step == 3 and found.next_attempt_at)
    with closing(docker.APIClient(agent.docker_host, version="auto")) as client:
        begun, ended = (
            parse_timestamp(client.inspect_container(f"ty-{uid}-1-{attempt}")["State"][when])
            for attempt, when in ((3, "StartedAt"), (2, "FinishedAt"))
        )
    # It is counted from the kernel's word of the end, which Docker notes a little later.
    assert 3.5 <= parse_timestamp(waiting.next_attempt_at) - ended < 8.0
    assert begun >= parse_timestamp(waiting.next_attempt_at)
