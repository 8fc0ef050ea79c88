"""The state folder: one at a time, and damaged files are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from taskyard.local.backup import put_back
from taskyard.local.errors import LocalError
from taskyard.local.process import ProcessId, identify
from taskyard.local.state import ChildPlan, ChildReport, Plan, Report, Settings, StateFolder
from taskyard.local.status import standing


def test_only_one_holds_a_lock(tmp_path: Path) -> None:
    first, second = StateFolder(tmp_path), StateFolder(tmp_path)
    with first.locked("up"):
        with pytest.raises(LocalError, match=f"pid {os.getpid()}"), second.locked("up"):
            pass
        with second.locked("supervisor"):
            pass
    with second.locked("up"):
        pass


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "new")
    plan = Plan(children=[ChildPlan(name="etcd", argv=["etcd"], log="log", outlives=True)])
    assert folder.plan() is None
    folder.write(plan)
    assert folder.plan() == plan
    folder.forget()
    assert folder.plan() is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"host":')
    with pytest.raises(LocalError, match=r"settings\.json is damaged"):
        StateFolder(tmp_path).settings()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        pytest.param("127.0.0.1", "http://127.0.0.1:8080", id="loopback"),
        pytest.param("0.0.0.0", "http://127.0.0.1:8080", id="every address"),
        pytest.param("::1", "http://[::1]:8080", id="IPv6"),
    ],
)
def test_url_is_one_that_can_be_opened_here(host: str, url: str) -> None:
    settings = Settings(
        host=host, port=8080, etcd=["e:1"], own_etcd=False, docker="d", own_docker=False, cluster="c", node="n"
    )
    assert settings.url == url


def test_a_folder_where_nothing_runs_says_what_to_do(tmp_path: Path) -> None:
    found = standing(StateFolder(tmp_path / "none"), 0.0)
    assert not found.good
    assert found.lines[0] == f"nothing is running in {tmp_path / 'none'}"
    assert "`taskyard up`" in found.lines[1]
    assert "--state-dir" in found.lines[1]


def test_what_helps_is_a_hint_as_of_any_command() -> None:
    assert (
        str(LocalError("still running", hint="`taskyard down` first")) == "still running\nhint: `taskyard down` first"
    )


def test_only_a_docker_engine_may_run_on_while_etcd_is_turned_back(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    here = identify(os.getpid())
    assert here is not None
    gone = ProcessId(pid=here.pid, started="before")
    names = ("docker", "etcd")
    folder.write(Plan(children=[ChildPlan(name=name, argv=["x"], log="", outlives=name == "docker") for name in names]))
    for name, refusal in (("docker", "absent.tar"), ("etcd", "still running in .*: etcd")):
        folder.write(Report(supervisor=gone, children=[ChildReport(name=name, process=here)]))
        with pytest.raises(LocalError, match=refusal):
            put_back(tmp_path / "absent.tar", folder, None, 0.0)
