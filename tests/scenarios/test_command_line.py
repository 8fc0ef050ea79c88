"""The `taskyard` command as a user types it, against a live cluster: what it prints, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cluster import LiveCluster

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
TASKYARD = Path(sys.prefix) / "bin" / "taskyard"
MANIFEST = """\
apiVersion: taskyard/v1
kind: Task
metadata: {name: talker, labels: {app: demo}}
spec:
  image: busybox:1.35
  command: [sh, -c, "echo one; echo two; sleep 3600"]
  stop: {gracePeriod: 0s}
"""


def taskyard(live: LiveCluster, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TASKYARD), "--server", live.url, *arguments], input=text, capture_output=True, text=True, timeout=60
    )


def test_a_whole_session(live: LiveCluster, tmp_path: Path) -> None:
    path = tmp_path / "talker.yaml"
    path.write_text(MANIFEST)

    assert taskyard(live, "diff", "-f", str(path)).returncode == 2
    dry = taskyard(live, "apply", "--dry-run", "-f", str(path))
    assert (dry.returncode, dry.stdout.split()[:2]) == (2, ["task/talker", "created"])
    assert live.task("talker") is None

    applied = taskyard(live, "apply", "--wait", "-f", str(path))
    assert (applied.returncode, applied.stdout) == (0, "task/talker created\n"), applied.stderr
    assert taskyard(live, "apply", "-f", str(path)).stdout == "task/talker unchanged\n"
    assert taskyard(live, "diff", "-f", str(path)).returncode == 0

    listed = taskyard(live, "get", "tasks", "-l", "app=demo")
    assert "talker" in listed.stdout
    assert "Running" in listed.stdout
    assert json.loads(taskyard(live, "get", "task/talker", "-o", "json").stdout)["status"]["node"] == "n1"
    again = taskyard(live, "apply", "-f", "-", text=taskyard(live, "get", "task/talker", "-o", "yaml").stdout)
    assert again.stdout == "task/talker unchanged\n", again.stderr

    logs = taskyard(live, "logs", "talker")
    assert logs.stdout == "one\ntwo\n"
    described = taskyard(live, "describe", "task/talker").stdout
    assert "Running" in described
    assert "Scheduled" in described
    assert "Scheduled" in taskyard(live, "events", "--for", "task/talker").stdout

    deleted = taskyard(live, "delete", "task/talker")
    assert (deleted.returncode, deleted.stdout) == (0, "task/talker deleted\n")
    missing = taskyard(live, "get", "task/talker")
    assert missing.returncode == 1
    assert missing.stdout == ""
    assert "talker" in missing.stderr


def test_a_bad_manifest_changes_nothing(live: LiveCluster, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(MANIFEST)
    (tmp_path / "bad.yaml").write_text(MANIFEST.replace("talker", "other").replace("command:", "comand:"))
    refused = taskyard(live, "apply", "-f", str(tmp_path / "good.yaml"), "-f", str(tmp_path / "bad.yaml"))
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "bad.yaml:6:3" in refused.stderr
    assert "did you mean command?" in refused.stderr
    assert live.tasks() == []


def test_pending_is_explained(live: LiveCluster) -> None:
    taskyard(live, "apply", "-f", "-", text=MANIFEST.replace("spec:", "spec:\n  nodeSelector: {disk: ssd}"))
    live.wait_state("talker", "Pending")
    described = taskyard(live, "describe", "task/talker").stdout
    assert "n1" in described
    assert "disk" in described

    assert taskyard(live, "label", "node", "n1", "disk=ssd").returncode == 0
    live.wait_state("talker", "Running")
