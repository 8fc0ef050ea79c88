"""The life of a task on a real etcd and a real Docker: apply, change, look, restart, stop."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import urllib3

from taskyard import keys
from tests.support.cluster import LiveCluster
from tests.support.manifests import IMAGE, task

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


def etcdctl(live: LiveCluster, *arguments: str) -> str:
    done = subprocess.run(
        ["etcdctl", "--endpoints", live.etcd.endpoint, *arguments],
        env={"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_from_apply_to_gone(live: LiveCluster) -> None:
    live.apply(task("web", "httpd", "-f", "-p", "80", ports=[{"container": 80, "host": "auto"}]))
    web = live.wait_state("web", "Running")
    assert web["status"]["node"] == "n1"
    assert web["status"]["ports"][0]["host"] > 0
    assert len(live.containers(web["metadata"]["uid"], running=True)) == 1

    status, _ = live.call("DELETE", "/tasks/web")
    assert status == 202
    live.until(lambda: live.call("GET", "/tasks/web")[0] == 404, 30, "web is gone")
    assert live.containers() == []
    left = etcdctl(live, "get", "--prefix", "--keys-only", keys.NODES)
    assert "/assignments/" not in left
    assert "/status/" not in left


def test_the_seeds_body_runs(live: LiveCluster) -> None:
    body = {"name": "web-server", "image": IMAGE, "memory": 64, "cpu": 0.1, "disk": 1, "exposedPorts": {"80/tcp": {}}}
    status, created = live.call("POST", "/tasks", body)
    assert status == 201
    assert created["metadata"]["name"] == "web-server"
    # The image's own command is a shell, which ends at once without a terminal: it has run, and is started again.
    live.until(lambda: (live.task("web-server") or {})["status"].get("restarts", 0) >= 1, 30, "it was started again")


def test_a_changed_spec_replaces_the_container(live: LiveCluster) -> None:
    live.apply(task("web"))
    uid = live.wait_state("web", "Running")["metadata"]["uid"]
    (before,) = live.containers(uid)
    live.apply(task("web", env={"COLOUR": "green"}))

    def replaced() -> bool:
        now = live.task("web")
        return bool(now and now["status"]["epoch"] == 2 and now["status"]["state"] == "Running")

    live.until(replaced, 30, "the second epoch runs")
    live.until(lambda: len(live.containers(uid)) == 1, 30, "the first epoch's container is gone")
    assert live.containers(uid) != [before]


def test_a_crash_is_a_new_attempt_after_a_wait(live: LiveCluster) -> None:
    live.apply(task("crash", "sh", "-c", "exit 3"))
    status = live.until(
        lambda: (t := live.task("crash")) and t["status"].get("restarts", 0) >= 2 and t["status"], 30, "two restarts"
    )
    assert status["lastExit"]["exitCode"] == 3
    assert status["attempt"] == status["restarts"] + 1


def test_a_container_killed_outside_comes_back(live: LiveCluster) -> None:
    live.apply(task("web"))
    uid = live.wait_state("web", "Running")["metadata"]["uid"]
    (container,) = live.containers(uid)
    subprocess.run(["docker", "-H", live.docker_host, "kill", container], check=True, capture_output=True)

    def back() -> bool:
        now = live.task("web")
        return bool(now and now["status"]["attempt"] == 2 and now["status"]["state"] == "Running")

    live.until(back, 30, "the second attempt runs")


def test_a_job_that_ends_is_completed_and_keeps_its_logs(live: LiveCluster) -> None:
    live.apply(task("hello", "echo", "good morning", restart={"policy": "never"}))
    assert live.wait_state("hello", "Completed")["status"]["exitCode"] == 0
    logs = live.http_text("/tasks/hello/logs")
    assert logs == "good morning\n"


@pytest.mark.differs_on_podman
def test_readers_of_a_silent_log_that_leave_are_forgotten(live: LiveCluster) -> None:
    live.apply(task("silent"))
    live.wait_state("silent", "Running")

    def open_logs() -> str:
        return next(line for line in live.http_text("/metrics").splitlines() if 'api_streams{kind="log"}' in line)

    descriptors = Path(f"/proc/{live.pid('agent')}/fd")
    before = len(list(descriptors.iterdir()))
    with urllib3.PoolManager(maxsize=20) as http:
        followed = [
            http.request("GET", f"{live.url}/tasks/silent/logs?follow=1", preload_content=False) for _ in range(20)
        ]
        assert {answer.status for answer in followed} == {200}
        assert open_logs().endswith(" 20.0")
        assert len(list(descriptors.iterdir())) >= before + 20
        for answer in followed:
            answer.close()
    live.until(lambda: open_logs().endswith(" 0.0"), 20, "the control plane has noticed")
    live.until(lambda: len(list(descriptors.iterdir())) < before + 10, 20, "the agent has noticed")


def test_pending_says_why_and_starts_when_there_is_room(live: LiveCluster) -> None:
    cores = live.call("GET", "/nodes/n1")[1]["status"]["capacity"]["cpuMillis"]
    live.apply(task("first", resources={"cpu": f"{cores}m"}))
    live.wait_state("first", "Running")
    live.apply(task("second", resources={"cpu": "100m"}))
    waiting = live.wait_state("second", "Pending")["status"]
    assert "cpu" in waiting["message"]
    assert "n1" in waiting["message"]

    live.call("DELETE", "/tasks/first")
    live.wait_state("second", "Running")


def test_a_task_put_with_etcdctl_runs(live: LiveCluster) -> None:
    manifest = task("by-hand")
    etcdctl(live, "put", keys.task("default", "by-hand"), json.dumps(manifest))
    running = live.wait_state("by-hand", "Running")
    assert running["metadata"]["uid"]


def test_nonsense_put_with_etcdctl_is_set_aside_with_an_event(live: LiveCluster) -> None:
    etcdctl(live, "put", keys.task("default", "broken"), '{"kind": "Task", "spec": {"imag": 1}}')
    etcdctl(live, "put", keys.task("default", "worse"), "{{{")
    etcdctl(live, "put", keys.node_prefix("n1") + "assignments/zzz", "not json")

    def quarantined() -> bool:
        events = live.call("GET", "/events")[1]["items"]
        return {e["about"]["name"] for e in events if e["reason"] == "Quarantined"} >= {"broken", "worse"}

    live.until(quarantined, 30, "both are reported")
    live.apply(task("fine"))
    live.wait_state("fine", "Running")


def test_everything_in_etcd_is_readable_json(live: LiveCluster) -> None:
    live.apply(task("web"))
    live.wait_state("web", "Running")
    values = etcdctl(live, "get", "--prefix", "--print-value-only", keys.ROOT).split("\n")
    parsed = [json.loads(value) for value in values if value]
    assert any(value.get("kind") == "Task" for value in parsed)
