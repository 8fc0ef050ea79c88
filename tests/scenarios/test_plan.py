"""Plan, apply the plan, and be refused once it is stale: the command line on a real etcd, with a real container."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.test_command_line import taskyard
from tests.support.cluster import LiveCluster

pytestmark = [pytest.mark.docker, pytest.mark.etcd]
MANIFEST = """\
apiVersion: taskyard/v1
kind: Task
metadata: {name: planned}
spec:
  image: busybox:1.35
  command: [sleep, "3600"]
  resources: {memory: %s}
  stop: {gracePeriod: 0s}
"""


def test_a_plan_is_kept_applied_and_then_stale(live: LiveCluster, tmp_path: Path) -> None:
    folder, kept = tmp_path / "demo", tmp_path / "demo.plan"
    folder.mkdir()
    (folder / "planned.yaml").write_text(MANIFEST % "16Mi")
    planned = taskyard(live, "plan", "-f", str(folder), "--source", "demo", "--prune", "-o", str(kept))
    assert (planned.returncode, planned.stdout.splitlines()[0]) == (2, "    + task/planned   on n1"), planned.stderr
    assert live.task("planned") is None

    applied = taskyard(live, "apply", str(kept), "--wait", "--stable", "0s")
    assert (applied.returncode, applied.stdout) == (0, "task/planned created\n"), applied.stderr
    assert live.wait_state("planned", "Running")["status"]["node"] == "n1"

    stale = taskyard(live, "apply", str(kept))
    assert (stale.returncode, stale.stdout) == (4, "")
    assert stale.stderr.startswith("changed: task/planned is there now, at revision ")

    (folder / "planned.yaml").write_text(MANIFEST % "999Gi")
    unfit = taskyard(live, "plan", "-f", str(folder), "--source", "demo", "--prune")
    assert unfit.returncode == 3, unfit.stdout + unfit.stderr
    assert "it goes on as it is on n1" in unfit.stdout

    why = json.loads(taskyard(live, "why", "planned", "-o", "json").stdout)
    assert (why["placement"]["at"], why["placement"]["nodes"][0]["node"]) == ("binding", "n1")

    (folder / "planned.yaml").rename(folder / "planned.off")
    (folder / "other.yaml").write_text(MANIFEST.replace("planned", "other") % "16Mi")
    assert taskyard(live, "plan", "-f", str(folder), "--source", "demo", "--prune", "-o", str(kept)).returncode == 2
    assert "task/planned deleted" in taskyard(live, "apply", str(kept), "--wait", "--stable", "0s").stdout
    live.until(lambda: live.task("planned") is None, 60, "the task that is declared no more is gone")
    assert live.state("other") == "Running"
