"""`get --at`, `history`, `diff --from` and `undo`, against a control plane in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from taskyard import keys
from taskyard.cli.main import main
from tests.controlplane.api.bench import manifest
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import Run

THE_SAME, CHANGED, BAD = 0, 2, 1


class Cli:
    def __init__(self, served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
        self.served = served
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Run:
        self._capsys.readouterr()
        code = int(main(["--server", f"http://127.0.0.1:{self.served.port}", *arguments]))
        captured = self._capsys.readouterr()
        return Run(code, captured.out, captured.err)

    @property
    def revision(self) -> str:
        return str(self.served.store.list(keys.LEADERS).revision)

    def put(self, image: str) -> None:
        self.served.call("PUT", "/tasks/web", manifest(image=image))


@pytest.fixture
def cli(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(served, capsys)


def test_get_and_describe_as_it_was(cli: Cli) -> None:
    cli.put("busybox:1.35")
    then = cli.revision
    cli.put("busybox:1.36")
    assert cli("get", "task/web", "-o", "name", "--at", then).out == "task/web\n"
    assert "busybox:1.35" in cli("get", "task/web", "-o", "yaml", "--at", then).out
    assert "busybox:1.35" in cli("describe", "web", "--at", then).out
    assert "busybox:1.36" in cli("describe", "web").out
    assert cli("get", "nodes", "--at", then).code == THE_SAME
    for refused in (["get", "tasks", "-w", "--at", "1"], ["get", "events", "--at", "1"], ["get", "--at", "10x"]):
        assert cli(*refused).code != THE_SAME


def test_history_with_and_without_fields(cli: Cli) -> None:
    cli.put("busybox:1.35")
    cli.put("busybox:1.36")
    lines = cli("history", "task/web").out.splitlines()
    assert lines[0].split() == ["REVISION", "AGE", "WHAT", "BY", "WHY"]
    assert [line.split()[2] for line in lines[1:]] == ["created", "changed"]
    told = cli("history", "web", "--changes").out
    assert "@@ spec.image @@\n  -busybox:1.35\n  +busybox:1.36\n" in told
    assert json.loads(cli("history", "web", "-o", "json").out)["steps"][0]["what"] == "created"
    assert "1 older changes are not shown" in cli("history", "web", "--limit", "1").err
    assert cli("history", "task/none").code == BAD
    assert cli("history", "event/x").code == BAD


def test_diff_between_two_moments(cli: Cli) -> None:
    cli.put("busybox:1.35")
    then = cli.revision
    cli.put("busybox:1.36")
    now = cli.revision
    run = cli("diff", "--from", then)
    assert (run.code, run.out.splitlines()[0]) == (CHANGED, f"--- task/web (revision {then})")
    assert "@@ spec.image @@\n-busybox:1.35\n+busybox:1.36\n" in run.out
    assert cli("diff", "--from", now).code == THE_SAME
    assert cli("diff", "--from", "1", "--to", then, "-A").out.startswith("--- /dev/null\n+++ task/web")


@pytest.mark.parametrize("arguments", [[], ["--to", "1"], ["-A"], ["--from", "1", "-f", "web.yaml"]])
def test_diff_wants_to_know_what_with(cli: Cli, arguments: list[str], tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(json.dumps(manifest()))
    run = cli("diff", *(str(path) if each == "web.yaml" else each for each in arguments))
    assert run.code == BAD
    assert "say what to compare" in run.err


def test_undo(cli: Cli) -> None:
    cli.put("busybox:1.35")
    cli.put("busybox:1.36")
    assert "would be declared as of revision" in cli("undo", "task/web", "--dry-run").out
    run = cli("undo", "task/web")
    assert run.out.splitlines()[1:] == ["@@ spec.image @@", "-busybox:1.36", "+busybox:1.35"]
    stored = cli.served.stored("web")
    assert stored is not None
    assert stored.spec.image == "busybox:1.35"
    refused = cli("undo", "task/web", "task/none")
    assert (refused.code, "there is no task/none" in refused.err) == (BAD, True)
    assert cli("undo", "tasks").code == BAD
