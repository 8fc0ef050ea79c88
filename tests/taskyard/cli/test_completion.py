"""Completion: commands, options, kinds and the names that the server knows; in a real bash too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from taskyard.cli.main import main
from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli


@pytest.fixture(autouse=True)
def objects(api: FakeApi) -> None:
    api.put("web")
    api.put("worker")
    api.put("far", namespace="other")
    api.nodes["n1"] = {"metadata": {"name": "n1"}}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        pytest.param("a", ["apply", "attach", "agent"], id="command"),
        pytest.param("get t", ["tasks"], id="kind"),
        pytest.param("get tasks w", ["web", "worker"], id="task after its kind"),
        pytest.param("get task/w", ["task/web", "task/worker"], id="task with its kind"),
        pytest.param("get nodes ", ["n1"], id="node after its kind"),
        pytest.param("describe node/", ["node/n1"], id="node with its kind"),
        pytest.param("logs wo", ["worker"], id="logs"),
        pytest.param("logs -n other ", ["far"], id="namespace after the command"),
        pytest.param("-n other logs ", ["far"], id="namespace before the command"),
        pytest.param("cordon ", ["n1"], id="node"),
        pytest.param("why wo", ["worker"], id="why"),
        pytest.param("why web --node ", ["n1"], id="why on a node"),
        pytest.param("get -o ", ["wide", "json", "yaml", "name"], id="choice"),
        pytest.param("delete --gr", ["--grace-period"], id="option"),
        pytest.param("events --for task/we", ["task/web"], id="object"),
        pytest.param("explain task.spec.po", ["task.spec.ports"], id="field"),
        pytest.param("completion ", ["bash", "zsh", "fish"], id="shell"),
    ],
)
def test_what_may_come_next(cli: Cli, monkeypatch: pytest.MonkeyPatch, line: str, found: list[str]) -> None:
    words = line.split(" ")
    monkeypatch.setenv("_TASKYARD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"taskyard {line}")
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    run = cli()
    assert [suggestion.partition(",")[2] for suggestion in run.out.splitlines()] == found
    assert run.err == ""


def test_without_a_server_it_is_silent(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TASKYARD_PORT": "1",
        "_TASKYARD_COMPLETE": "bash_complete",
        "COMP_WORDS": "taskyard logs ",
        "COMP_CWORD": "2",
    }.items():
        monkeypatch.setenv(name, value)
    assert main([]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == captured.err == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_reads(cli: Cli, tmp_path: Path, shell: str) -> None:
    script = cli("completion", shell).out
    assert "_TASKYARD_COMPLETE" in script
    if program := shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([program, "-n", str(tmp_path / "script")], check=True, timeout=20)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_a_real_bash_completes(api: FakeApi, tmp_path: Path) -> None:
    command = tmp_path / "taskyard"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m taskyard.cli.main "$@"\n')
    command.chmod(0o755)
    script = """
        eval "$(taskyard completion bash)"
        COMP_WORDS=(taskyard get task/w); COMP_CWORD=2
        _taskyard_completion taskyard
        echo "${COMPREPLY[@]}"
    """
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TASKYARD_HOST": "127.0.0.1",
        "TASKYARD_PORT": str(api.port),
    }
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr) == ("task/web task/worker\n", "")
