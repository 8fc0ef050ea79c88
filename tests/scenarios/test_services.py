"""A service on a real etcd and a real Docker: applied, scaled, brought to another version and back."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from tests.scenarios.test_command_line import taskyard
from tests.support.cluster import LiveCluster
from tests.support.manifests import IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
PATIENCE = "120s"


def web(version: str, **update: Any) -> dict[str, Any]:
    serve = f"echo {version} > /index.html; trap 'exit 0' TERM; httpd -f -p 80 -h / & wait $!"
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "update": update,
            "template": {
                "spec": {
                    "image": IMAGE,
                    "command": ["sh", "-c", serve],
                    "ports": [{"container": 80, "host": "auto", "name": "http"}],
                    "stop": {"gracePeriod": "1s"},
                }
            },
        },
    }


def pages(live: LiveCluster) -> list[str]:
    """What each endpoint answers, or what became of the question: a container runs before its program listens."""
    _, found = live.call("GET", "/services/web/endpoints")
    ports = [endpoint["ports"][0] for endpoint in found["endpoints"]]
    answers = []
    for port in ports:
        try:
            with urllib.request.urlopen(f"http://{port['address']}:{port['port']}/", timeout=10) as answer:
                answers.append(answer.read().decode().strip())
        except OSError as error:
            answers.append(str(error))
    return answers


def test_apply_scale_roll_out_undo(live: LiveCluster) -> None:
    live.apply(web("one"))
    rolled = taskyard(live, "rollout", "status", "service/web", "--timeout", PATIENCE)
    assert rolled.returncode == 0, rolled.stderr
    live.until(lambda: pages(live) == ["one", "one"], 60, "both answer")

    scaled = taskyard(live, "scale", "web", "--replicas", "3", "--wait", "--timeout", PATIENCE)
    assert (scaled.returncode, scaled.stdout) == (0, "service/web scaled to 3\n"), scaled.stderr
    assert [row.split()[:2] for row in taskyard(live, "get", "services").stdout.splitlines()[1:]] == [["web", "3/3"]]

    changed = web("two", order="start-first")
    changed["spec"]["replicas"] = 3
    live.apply(changed)
    assert taskyard(live, "rollout", "status", "web", "--timeout", PATIENCE).returncode == 0
    live.until(lambda: pages(live) == ["two"] * 3, 60, "all answer with the new version")
    assert sorted(row.split()[0] for row in taskyard(live, "get", "tasks").stdout.splitlines()[1:]) == [
        "web-0",
        "web-1",
        "web-2",
    ]

    undone = taskyard(live, "rollout", "undo", "service/web")
    assert (undone.returncode, undone.stdout) == (0, "service/web goes back to revision 1\n"), undone.stderr
    assert taskyard(live, "rollout", "status", "web", "--timeout", PATIENCE).returncode == 0
    live.until(lambda: pages(live) == ["one"] * 3, 60, "all answer with the old version")
    history = taskyard(live, "rollout", "history", "web").stdout.splitlines()
    assert [row.split()[0] for row in history[1:]] == ["2", "3*"]
    assert "undone to revision 1" in history[-1]

    deleted = taskyard(live, "delete", "service/web", "--timeout", PATIENCE)
    assert deleted.returncode == 0, deleted.stderr
    assert live.containers() == []


def test_a_version_that_does_not_come_up_is_taken_back(live: LiveCluster) -> None:
    live.apply(web("one", onFailure="rollback"))
    assert taskyard(live, "rollout", "status", "web", "--timeout", PATIENCE).returncode == 0
    bad = web("two", onFailure="rollback")
    bad["spec"]["template"]["spec"]["command"] = ["/no/such/program"]
    live.apply(bad)
    rolled = taskyard(live, "rollout", "status", "web", "--timeout", PATIENCE)
    assert rolled.returncode == 1
    assert "revision 2 failed: task/web-0" in rolled.stderr
    live.until(lambda: pages(live) == ["one", "one"], 60, "both answer as before")
