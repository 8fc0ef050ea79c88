"""Jobs on a real etcd and a real Docker: retried, counted, suspended, read, run again with arguments, and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.test_command_line import taskyard
from tests.support.cluster import LiveCluster
from tests.support.manifests import IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
PATIENCE = "50s"


def a_job(name: str, script: str, **spec: Any) -> dict[str, Any]:
    task = {"image": IMAGE, "command": ["sh", "-c", script], "stop": {"gracePeriod": "0s"}}
    made = {**spec, "template": {"spec": task}}
    return {"apiVersion": "taskyard/v1", "kind": "Job", "metadata": {"name": name}, "spec": made}


def status(live: LiveCluster, name: str) -> dict[str, Any]:
    found: dict[str, Any] = live.call("GET", f"/jobs/{name}")[1].get("status", {})
    return found


def test_it_retries_counts_and_tells(live: LiveCluster) -> None:
    script = '[ "$TASKYARD_JOB_INDEX$TASKYARD_JOB_ATTEMPT" != 10 ] || exit 7; echo index $TASKYARD_JOB_INDEX'
    live.apply(a_job("sums", script, completions=3, parallelism=2, retry={"backoff": {"initial": "1s"}}))
    finished = taskyard(live, "job", "status", "sums", "--timeout", PATIENCE)
    assert finished.returncode == 0, finished.stderr
    assert (status(live, "sums")["succeededIndexes"], status(live, "sums")["failures"]) == ("0-2", 1)
    lines = taskyard(live, "logs", "job/sums").stdout.splitlines()
    assert sorted(line.partition("|")[2].strip() for line in lines) == ["index 0", "index 1", "index 2"]
    assert "exited with code 7" in taskyard(live, "events", "--for", "job/sums").stdout
    assert taskyard(live, "delete", "job/sums", "--wait", "--timeout", PATIENCE).returncode == 0
    assert live.call("GET", "/tasks")[1]["items"] == []


def test_an_exit_code_ends_it_and_suspension_stops_it(live: LiveCluster) -> None:
    live.apply(a_job("broken", "exit 9", retry={"exitCodes": {"failJob": [9]}}))
    failed = taskyard(live, "job", "status", "broken", "--timeout", PATIENCE)
    assert failed.returncode == 1
    assert "ExitCode" in failed.stderr
    live.apply(a_job("long", "sleep 3600", completions=2, parallelism=2))
    live.until(lambda: status(live, "long").get("active") == 2, 30, "both are made")
    assert taskyard(live, "job", "suspend", "long").returncode == 0
    live.until(lambda: status(live, "long").get("active") == 0, 30, "both are stopped")
    assert status(live, "long")["phase"] == "Suspended"
    assert status(live, "long")["failures"] == 0


def test_arguments_and_payload_reach_the_program(live: LiveCluster) -> None:
    live.apply(a_job("greet", 'echo "$WHO: $TASKYARD_PAYLOAD"', parameters={"required": ["WHO"]}))
    options = ("-a", "WHO=world", "--payload", "-", "--name", "hello", "--wait", "--timeout", PATIENCE)
    sent = taskyard(live, "job", "dispatch", "greet", *options, text="good morning")
    assert sent.returncode == 0, sent.stderr
    assert "world: good morning" in taskyard(live, "logs", "hello-0").stdout
