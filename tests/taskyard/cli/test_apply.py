"""`apply`, `diff` and `validate`: all or nothing, what would change, and waiting until it runs."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli

WEB = """\
apiVersion: taskyard/v1
kind: Task
metadata:
  name: web
spec:
  image: busybox:1.35
"""
DB = WEB.replace("name: web", "name: db")
BAD = WEB.replace("image: busybox:1.35", "imgae: busybox:1.35\n  priority: high")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "db.yml").write_text(DB)
    return tmp_path


def applies(api: FakeApi) -> list[str]:
    return [request for request in api.requests if request.startswith("POST /apply")]


def test_created_configured_unchanged(cli: Cli, api: FakeApi, folder: Path) -> None:
    run = cli("apply", "-f", str(folder))
    assert (run.out, run.err, run.code) == ("task/web created\ntask/db created\n", "", 0)
    (folder / "web.yaml").write_text(WEB + "  priority: 5\n")
    assert cli("apply", "-f", str(folder)).out == "task/web configured\ntask/db unchanged\n"
    assert applies(api) == ["POST /apply"] * 2


def test_dry_run_exits_2_while_something_would_change(cli: Cli, api: FakeApi, folder: Path) -> None:
    run = cli("apply", "-f", str(folder), "--dry-run")
    assert (run.out, run.code) == ("task/web created (dry run)\ntask/db created (dry run)\n", 2)
    assert api.tasks == {}
    cli("apply", "-f", str(folder))
    assert cli("apply", "-f", str(folder), "--dry-run").code == 0


def test_nothing_is_sent_while_any_file_is_bad(cli: Cli, api: FakeApi, folder: Path) -> None:
    (folder / "bad.yaml").write_text(BAD)
    (folder / "worse.json").write_text('{"kind": "Task",')
    run = cli("apply", "-f", str(folder))
    lines = run.err.splitlines()
    assert any("bad.yaml:6:3: spec.imgae: " in line and "image" in line for line in lines)
    assert any("bad.yaml:7:13: spec.priority: " in line for line in lines)
    assert any("worse.json:1:" in line for line in lines)
    assert lines[-1] == "error: 3 problems in 2 files; nothing was sent"
    assert (run.out, run.code, api.requests) == ("", 1, [])


def test_an_object_declared_twice_is_a_problem(cli: Cli, api: FakeApi, folder: Path) -> None:
    (folder / "again.yaml").write_text(DB + "---\n" + WEB)
    run = cli("apply", "-f", str(folder))
    assert (
        f"{folder}/web.yaml:4:9: metadata.name: task/web is declared twice: here and in {folder}/again.yaml:8"
        in run.err
    )
    assert api.requests == []


def test_editors_leftovers_and_hidden_files_are_not_read(cli: Cli, folder: Path) -> None:
    (folder / ".git").mkdir()
    for leftover in (".web.yaml.swp", "web.yaml~", "#web.yaml#", ".#web.yaml", "4913", ".hidden.yaml", ".git/x.yaml"):
        (folder / leftover).write_text("{")
    assert cli("validate", "-f", str(folder)).code == 0


def test_stdin(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((WEB + "---\n" + DB).encode())))
    assert cli("apply", "-f", "-").out == "task/web created\ntask/db created\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    assert "<stdin>:6:3: spec.imgae" in cli("apply", "-f", "-").err


def test_namespace_for_documents_that_name_none(cli: Cli, api: FakeApi, folder: Path) -> None:
    cli("apply", "-f", str(folder), "-n", "shop")
    assert sorted(api.tasks) == [("shop", "db"), ("shop", "web")]
    (folder / "web.yaml").write_text(WEB.replace("name: web", "name: web\n  namespace: other"))
    run = cli("apply", "-f", str(folder), "-n", "shop")
    assert "metadata.namespace: the namespace is 'other', but -n says 'shop'" in run.err
    assert run.code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["-f", "nowhere.yaml"], "'nowhere.yaml' does not exist", id="no such file"),
        pytest.param(["-f", "{folder}/empty"], "there is no manifest (*.yaml, *.yml, *.json) below", id="empty folder"),
        pytest.param(["-f", "{folder}/empty.yaml"], "there is no document here", id="empty file"),
        pytest.param([], "name the manifests with -f: taskyard apply -f FILE", id="nothing"),
    ],
)
def test_nothing_to_apply(cli: Cli, api: FakeApi, folder: Path, words: list[str], said: str) -> None:
    (folder / "empty").mkdir()
    (folder / "empty.yaml").touch()
    run = cli("apply", *[word.format(folder=folder) for word in words])
    assert said in run.err
    assert (run.code, api.requests) == (1, [])


def test_waits_until_it_runs(cli: Cli, api: FakeApi, folder: Path) -> None:
    def start(_task: dict[str, Any]) -> None:
        thread = api.when_watched(lambda: [api.put(name, "Running", epoch=1) for name in ("web", "db")])
        threads.append(thread)
        api.starts = lambda _task: None

    threads: list[Any] = []
    api.starts = start
    run = cli("apply", "-f", str(folder), "--wait", "--stable", "100ms")
    for thread in threads:
        thread.join()
    assert run.out == "task/web created\ntask/db created\n"
    assert run.err.splitlines()[-2:] == ["task/web: Running", "task/db: Running"]
    assert run.code == 0


def test_waits_for_the_new_version_and_not_the_old(cli: Cli, api: FakeApi, folder: Path) -> None:
    cli("apply", "-f", str(folder))
    api.put("web", "Running", epoch=1)
    api.put("db", "Running", epoch=1)
    (folder / "web.yaml").write_text(WEB + "  priority: 5\n")
    thread = api.when_watched(lambda: api.put("web", "Failed", epoch=2, reason="ImagePull", message="no such image"))
    run = cli("apply", "-f", str(folder), "--wait")
    thread.join()
    assert "task/web: waiting for its new version to be placed\n" in run.err
    assert "error: task/web does not run: ImagePull: no such image\n" in run.err
    assert run.code == 1


def test_a_task_that_fails_right_after_its_start_does_not_run(cli: Cli, api: FakeApi, folder: Path) -> None:
    threads: list[Any] = []

    def start(_task: dict[str, Any]) -> None:
        api.starts = lambda _task: None
        threads.append(api.when_watched(run_and_fail))

    def run_and_fail() -> None:
        api.put("web", "Running", epoch=1, attempt=1)
        threads.append(api.when_watched(lambda: api.put("web", "Failed", epoch=1, reason="Error", message="exit 3")))

    api.starts = start
    run = cli("apply", "-f", str(folder / "web.yaml"), "--wait", "--stable", "30s")
    for thread in threads:
        thread.join()
    assert "task/web: Running\n" in run.err
    assert run.err.splitlines()[-1] == "error: task/web does not run: Error: exit 3"
    assert run.code == 1


def test_a_wait_that_takes_too_long_says_what_it_waited_for(cli: Cli, folder: Path) -> None:
    run = cli("apply", "-f", str(folder / "web.yaml"), "--wait", "--timeout", "100ms")
    assert run.err.splitlines() == ["task/web: Pending", "error: task/web does not run after 100ms: Pending"]
    assert run.code == 1


def test_diff(cli: Cli, api: FakeApi, folder: Path) -> None:
    cli("apply", "-f", str(folder / "web.yaml"))
    (folder / "web.yaml").write_text(WEB + "  command: [sleep, '60']\n")
    run = cli("diff", "-f", str(folder))
    assert run.out == (
        "--- task/web (as it is)\n"
        f"+++ task/web ({folder}/web.yaml:1)\n"
        "@@ spec.command @@\n"
        "+- sleep\n"
        "+- '60'\n"
        "--- /dev/null\n"
        f"+++ task/db ({folder}/below/db.yml:1)\n"
        "+apiVersion: taskyard/v1\n"
        "+kind: Task\n"
        "+metadata:\n"
        "+  name: db\n"
        "+spec:\n"
        "+  image: busybox:1.35\n"
    )
    assert run.code == 2
    assert ("default", "db") not in api.tasks
    cli("apply", "-f", str(folder))
    again = cli("diff", "-f", str(folder))
    assert (again.out, again.code) == ("", 0)


def test_validate_needs_no_server(cli: Cli, folder: Path) -> None:
    run = cli("validate", "-f", str(folder), "--port", "1")
    assert run.out == f"task/web valid ({folder}/web.yaml:1)\ntask/db valid ({folder}/below/db.yml:1)\n"
    assert run.code == 0


def test_what_get_prints_can_be_applied_again(cli: Cli, folder: Path) -> None:
    cli("apply", "-f", str(folder))
    for output in ("yaml", "json"):
        printed = cli("get", "task/web", "-o", output).out
        (folder / f"again.{output}").write_text(printed)
        assert cli("apply", "-f", str(folder / f"again.{output}")).out == "task/web unchanged\n"


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_what_get_prints_of_many_can_be_applied_again(
    cli: Cli, api: FakeApi, folder: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    cli("apply", "-f", str(folder))
    api.put("web", "Running", epoch=1)
    printed = cli("get", "tasks", "-o", output).out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
    run = cli("apply", "-f", "-")
    assert (run.out, run.err, run.code) == ("task/db unchanged\ntask/web unchanged\n", "", 0)


@pytest.mark.parametrize(
    ("command", "left"),
    [
        pytest.param("validate", "", id="validate"),
        pytest.param("diff", "; nothing was compared", id="diff"),
        pytest.param("delete", "; nothing was deleted", id="delete"),
    ],
)
def test_what_a_bad_manifest_keeps_from_being_done(
    cli: Cli, api: FakeApi, folder: Path, command: str, left: str
) -> None:
    (folder / "bad.yaml").write_text(BAD)
    run = cli(command, "-f", str(folder))
    assert run.err.splitlines()[-1] == f"error: 2 problems in 1 file{left}"
    assert (run.code, api.requests) == (1, [])


def test_delete_by_file(cli: Cli, api: FakeApi, folder: Path) -> None:
    cli("apply", "-f", str(folder))
    api.put("stays")
    assert cli("delete", "-f", str(folder)).out == "task/web deleted\ntask/db deleted\n"
    assert list(api.tasks) == [("default", "stays")]
