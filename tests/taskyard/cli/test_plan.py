"""`taskyard plan` and `taskyard apply PLANFILE`, against a control plane in this process: text, files, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from taskyard.cli.main import main
from taskyard.cli.plan_text import plan_lines
from taskyard.client.plan_views import PlanEffect, PlanView
from taskyard.objects import Metadata, NodeSpec
from tests.support.plane import GI
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import Run

TASK = """\
apiVersion: taskyard/v1
kind: Task
metadata: {name: %s}
spec:
  image: busybox:%s
  resources: {memory: %s}
"""


class Shell:
    """The command line at a served control plane, in a folder of manifests."""

    def __init__(self, served: ServedPlane, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.served, self.folder, self._capsys = served, folder, capsys

    def write(self, name: str, image: str = "1.35", memory: str = "100Mi") -> None:
        (self.folder / f"{name}.yaml").write_text(TASK % (name, image, memory))

    def run(self, *arguments: str) -> Run:
        self._capsys.readouterr()
        code = int(main(["--server", f"http://127.0.0.1:{self.served.port}", *arguments]))
        captured = self._capsys.readouterr()
        return Run(code, captured.out, captured.err)

    def plan(self, *arguments: str) -> Run:
        return self.run("plan", "-f", str(self.folder), "--source", "demo", "--prune", *arguments)


@pytest.fixture
def shell(served: ServedPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    served.plane.add_node("n1", memory=2 * GI)
    served.plane.add_node("n2", memory=GI)
    (tmp_path / "demo").mkdir()
    made = Shell(served, tmp_path / "demo", capsys)
    for name in ("kept", "web", "old"):
        made.write(name)
    file = str(tmp_path / "first.plan")
    assert made.plan("-o", file).code == 2
    assert made.run("apply", file).code == 0
    served.settle()
    return made


def test_every_change_with_where_it_goes(shell: Shell) -> None:
    nodes = {name: shell.served.plane.node_of(name) for name in ("web", "old")}
    shell.write("web", image="1.36")
    shell.write("new", memory="50Mi")
    (shell.folder / "old.yaml").unlink()
    run = shell.plan()
    lines = run.out.splitlines()
    assert (run.code, run.err) == (2, "")
    assert lines[0].startswith("    + task/new   on n")
    assert lines[1] == f"  -/+ task/web   on {nodes['web']}, stopped and started anew"
    assert lines[2].strip() == 'spec.image: "busybox:1.35" -> "busybox:1.36"'
    assert lines[3] == f"    - task/old   stopped on {nodes['old']}"
    assert lines[-1].startswith("Plan: 1 to create, 1 to replace, 1 to remove; at revision ")


def test_nothing_to_do(shell: Shell) -> None:
    run = shell.plan()
    assert (run.code, run.out.split(";")[0]) == (0, "Plan: no changes")


def test_what_does_not_fit_says_why_and_what_would_help(shell: Shell) -> None:
    shell.write("big", memory="8Gi")
    run = shell.plan()
    assert run.code == 3
    assert run.out.splitlines()[0] == "    + task/big   does not fit"
    assert "0 of 2 nodes fit: 2 too little memory" in run.out
    assert "it would fit with " in run.out
    assert "1 does not fit" in run.out


def test_a_kept_plan_is_applied_once_and_then_is_stale(shell: Shell, tmp_path: Path) -> None:
    shell.write("new")
    file = str(tmp_path / "demo.plan")
    kept = shell.plan("-o", file)
    assert (kept.code, kept.err.splitlines()[0].startswith(f"kept in {file}")) == (2, True)
    assert json.loads(Path(file).read_text())["kind"] == "Plan"
    done = shell.run("apply", file)
    assert (done.code, done.out) == (0, "task/new created\n")
    shell.served.settle()
    again = shell.run("apply", file)
    assert (again.code, again.out) == (4, "")
    assert again.err.startswith("changed: task/new is there now, at revision ")
    assert "hint: plan again" in again.err


def test_a_plan_that_a_cordon_upsets_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    shell.write("new", memory="1536Mi")
    file = str(tmp_path / "demo.plan")
    shell.plan("-o", file)
    shell.served.plane.set_node(NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
    stale = shell.run("apply", file)
    assert stale.code == 4
    assert "changed: node/n1: cordoned False -> True\n" in stale.err
    assert "task/new: planned to be created on n1, now it would be created and fit nowhere" in stale.err
    assert shell.served.stored("new") is None


def test_for_programs(shell: Shell) -> None:
    shell.write("new")
    assert json.loads(shell.plan("-o", "json").out)["kind"] == "Plan"
    assert "kind: Plan\n" in shell.plan("-o", "yaml").out


def test_a_wrong_use_is_told(shell: Shell, tmp_path: Path) -> None:
    manifests = str(shell.folder)
    assert "--prune needs --source" in shell.run("plan", "-f", manifests, "--prune").err
    file = str(tmp_path / "first.plan")
    assert "a plan says what is done" in shell.run("apply", file, "--dry-run").err
    assert "name the manifests with -f" in shell.run("apply", str(shell.folder / "web.yaml")).err
    assert "there is no file lost.plan" in shell.run("apply", "lost.plan").err
    refused = shell.run("plan", "-f", manifests, "-o", "wide")
    assert "'wide' is no form of a plan" in refused.err
    assert not Path("wide").exists()
    assert "a plan is applied without -f: taskyard apply FILE" in shell.run("apply", "-f", file).err


def test_colours_only_on_a_terminal(shell: Shell) -> None:
    shell.write("new")
    assert "\x1b" not in shell.plan().out
    found = msgspec.json.decode(shell.plan("-o", "json").out, type=PlanView)
    assert plan_lines(found, colour=True)[0].startswith("\x1b[32m    +\x1b[0m task/new")


def test_what_a_controller_would_make_counts_as_well(shell: Shell) -> None:
    template = "{spec: {image: 'busybox:1.35', resources: {memory: 8Gi}}}"
    head = "apiVersion: taskyard/v1\nkind: Service\nmetadata: {name: huge}\n"
    (shell.folder / "huge.yaml").write_text(f"{head}spec: {{replicas: 1, template: {template}}}\n")
    run = shell.plan()
    assert run.code == 3
    assert "task/huge-0 does not fit: 0 of 2 nodes fit" in run.out


def test_tasks_of_a_service_that_fit_nowhere_for_one_reason_share_a_line() -> None:
    effects = tuple(
        PlanEffect(namespace="default", name=f"huge-{number}", fate="created", why="0 of 2 nodes fit")
        for number in range(5)
    )
    assert plan_lines(PlanView(kind="Plan", version=1, revision=7, effects=effects))[2:] == [
        "    task/huge-0, task/huge-1, task/huge-2 and 2 more do not fit: 0 of 2 nodes fit",
        "",
        "Plan: no changes; 5 others do not fit; at revision 7",
    ]
