"""How a run ends: exit codes, messages on stderr, and what to do next, whatever went wrong."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli

COMMAND = [sys.executable, "-m", "taskyard"]


def environment(api: FakeApi, **more: str) -> dict[str, str]:
    """Without settings of the caller's, and without PYTHONUNBUFFERED, under which Python drops what a pipe refuses."""
    unwanted = ("TASKYARD_", "ORCHESTRATION_", "PYTHONUNBUFFERED")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
    return {**kept, "TASKYARD_HOST": "127.0.0.1", "TASKYARD_PORT": str(api.port), **more}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["aply"], "there is no command 'aply'; did you mean `taskyard apply`?", id="slip"),
        pytest.param(["ps"], "here it is `taskyard get tasks`", id="docker's word"),
        pytest.param(["edit", "n1"], "here it is `taskyard apply -f FILE`", id="kubectl's word"),
        pytest.param(["nodes"], "here it is `taskyard get nodes`", id="a kind"),
        pytest.param(["service", "ls"], "here it is `taskyard get services`", id="docker's word for a kind"),
        pytest.param(["wait", "task/web"], "here it is `taskyard apply -f FILE --wait`", id="kubectl's wait"),
        pytest.param(["restart", "web"], "here it is `taskyard rollout restart`", id="another tool's restart"),
        pytest.param(["explain", "pod"], "there is no kind 'pod'; here it is 'tasks'", id="another tool's kind"),
        pytest.param(["xyzzy"], "there is no command 'xyzzy'\n", id="nothing near"),
        pytest.param(["get", "--watsh"], "--watch", id="option"),
        pytest.param(["apply", "-f", "-", "--dry-run=server"], "hint: write --dry-run alone", id="kubectl's dry run"),
        pytest.param(["get", "-o", "jason"], "is not one of", id="choice"),
        pytest.param(["logs"], "name the task: taskyard logs web", id="no argument"),
        pytest.param(["apply", "web.yaml"], "taskyard apply -f web.yaml", id="file without -f"),
        pytest.param(["--port", "0", "get"], "--port", id="port"),
        pytest.param(["--server", "ftp://x", "get"], "not the address of a server", id="server"),
        pytest.param(["--config", "/nowhere.toml", "get"], "/nowhere.toml: cannot be read", id="config"),
    ],
)
def test_usage_errors_exit_1_and_suggest(cli: Cli, words: list[str], said: str) -> None:
    run = cli(*words)
    assert said in run.err
    assert run.err.startswith("error: ")
    assert run.out == ""
    assert run.code == 1


def test_no_server_says_what_to_do(cli: Cli, api: FakeApi) -> None:
    run = cli("get", "--port", "1")
    assert run.err.splitlines()[0] == "error: cannot reach the server at http://127.0.0.1:1: Connection refused"
    assert "taskyard up" in run.err
    assert "TASKYARD_HOST" in run.err
    assert run.code == 1
    assert api.requests == []


def test_where_the_server_is(cli: Cli, api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api.put("web")
    url = api.url
    monkeypatch.setenv("TASKYARD_PORT", "1")
    file = tmp_path / "taskyard.toml"
    file.write_text(f'host = "127.0.0.1"\nport = {api.port}\n')
    assert cli("get").code == 1
    assert cli("--server", url, "get").code == 0
    assert cli("get", "--server", url).code == 0
    assert cli("get", "--port", str(api.port)).code == 0
    assert cli("--port", "1", "get", "--port", str(api.port)).code == 0
    assert cli("get", "--config", str(file)).code == 1, "the environment is stronger than the file"
    monkeypatch.delenv("TASKYARD_PORT")
    assert cli("get", "--config", str(file)).code == 0


def test_verbose_shows_requests_on_stderr(cli: Cli) -> None:
    run = cli("get", "-v")
    assert "GET http://127.0.0.1:" in run.err
    assert "200 OK" in run.err


def test_violations_are_shown_with_place_and_hint(cli: Cli, api: FakeApi) -> None:
    api.violations = [
        {"path": "spec.image", "message": "is missing", "hint": "add it", "source": "web.yaml", "line": 3}
    ]
    api.refusals.append((422, "the manifest is not valid"))
    run = cli("get")
    assert run.err == "web.yaml:3: spec.image: is missing (add it)\nerror: the manifest is not valid\n"


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["get", "-h"], ["delete", "--help"], ["--version"], ["version"]])
def test_help_and_version_are_data(cli: Cli, words: list[str]) -> None:
    run = cli(*words)
    assert run.out
    assert run.err == ""
    assert run.code == 0


def test_every_command_has_help(cli: Cli) -> None:
    shown = cli("-h").out
    for name in ("apply", "get", "describe", "delete", "logs", "events", "diff", "validate", "explain", "completion"):
        assert f"  {name} " in shown
        assert cli(name, "-h").code == 0


def test_ctrl_c_exits_130_quietly(api: FakeApi) -> None:
    api.put("web")
    process = subprocess.Popen(
        [*COMMAND, "get", "-w"],
        env=environment(api),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell has what it runs in the background ignore SIGINT, and these tests with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("NAME")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")


def test_a_reader_that_goes_away_is_no_error(api: FakeApi) -> None:
    for number in range(3000):
        api.tasks["default", f"task-{number:04}"] = {
            "metadata": {"name": f"task-{number:04}", "namespace": "default"},
            "spec": {"image": "busybox:1.35"},
            "status": {"state": "Running"},
        }
    process = subprocess.Popen(
        [*COMMAND, "get", "-o", "json"], env=environment(api), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "{\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=10) == 141


def test_watch_prints_each_change_at_once(api: FakeApi) -> None:
    api.put("web", "Starting")
    process = subprocess.Popen([*COMMAND, "get", "-w"], env=environment(api), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline().split(), process.stdout.readline().split()]
    api.put("web", "Running")
    lines.append(process.stdout.readline().split())
    api.remove("web")
    lines.append(process.stdout.readline().split())
    process.send_signal(signal.SIGINT)
    process.wait(timeout=10)
    assert [line[1] for line in lines] == ["STATE", "Starting", "Running", "Deleted"]


@pytest.mark.parametrize(
    ("command", "module"),
    [
        pytest.param("controlplane", "controlplane", id="controlplane"),
        ("agent", "nodeagent"),
        ("simulate", "simulator"),
    ],
)
def test_the_planes_get_their_arguments_as_they_are(command: str, module: str, tmp_path: Path, api: FakeApi) -> None:
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").touch()
    (tmp_path / module / "__main__.py").write_text("import sys; print(sys.argv[1:])")
    done = subprocess.run(
        [*COMMAND, command, "--unknown", "-h", "--port", "1", "x"],
        env=environment(api, PYTHONPATH=str(tmp_path), PYTHONSAFEPATH="1"),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout == "['--unknown', '-h', '--port', '1', 'x']\n", done.stderr


def test_a_live_list_is_on_the_terminal_and_data_on_stdout(api: FakeApi) -> None:
    api.put("web")
    api.holds_deletions = True
    terminal, stderr = os.openpty()
    thread = api.when_watched(lambda: api.remove("web"))
    done = subprocess.run(
        [*COMMAND, "delete", "web"],
        env=environment(api, TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=stderr,
        timeout=20,
        check=False,
    )
    thread.join()
    os.close(stderr)
    shown = os.read(terminal, 65536)
    os.close(terminal)
    assert done.stdout == b"task/web deleted\n"
    assert b"task/web" in shown
    assert b"Stopping" in shown
    assert done.returncode == 0


def test_start_up_imports_little() -> None:
    """What takes long to import is imported only by the commands that need it."""
    script = "import sys; from taskyard.cli.main import main; main(['version']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    heavy = {
        "rich",
        "urllib3",
        "jsonschema",
        "jsonschema_rs",
        "yaml",
        "msgspec",
        "grpc",
        "docker",
        "falcon",
        "http.client",
    }
    assert heavy & set(done.stderr.split()) == set()


def test_version_is_quick() -> None:
    """A generous bound against a slip such as importing everything; the goal of 150 ms is measured by hand."""
    best = min(_seconds([*COMMAND, "version"]) for _ in range(5))
    assert best < 0.5


def _seconds(command: list[str]) -> float:
    """Of processor time, which a busy machine stretches less than the clock's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
