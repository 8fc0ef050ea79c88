"""Who is at the command line is noted with what changes, and changes nothing by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskyard.cli.main import main
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import Run

WEB = """\
apiVersion: taskyard/v1
kind: Task
metadata: {{name: web}}
spec: {{image: "busybox:{tag}"}}
"""


@pytest.fixture
def act(served: ServedPlane, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> object:
    def run(who: str, *arguments: str) -> Run:
        monkeypatch.setenv("LOGNAME", who)
        capsys.readouterr()
        code = int(main(["--server", f"http://127.0.0.1:{served.port}", *arguments]))
        captured = capsys.readouterr()
        served.settle()
        return Run(code, captured.out, captured.err)

    return run


def steps(served: ServedPlane, path: str) -> list[str]:
    return [each["by"] for each in served.call("GET", f"{path}/history").json["steps"] if each["what"] != "bound"]


def by(served: ServedPlane, path: str) -> str:
    found: str = served.call("GET", path).json["metadata"]["annotations"]["taskyard/changed-by"]
    return found


def test_apply_and_undo_say_who(served: ServedPlane, act: object, tmp_path: Path) -> None:
    assert callable(act)
    manifest = tmp_path / "web.yaml"
    manifest.write_text(WEB.format(tag="1.35"))
    act("ann", "apply", "-f", str(manifest))
    assert by(served, "/tasks/web") == "ann"
    assert act("bob", "apply", "-f", str(manifest)).out == "task/web unchanged\n"
    assert by(served, "/tasks/web") == "ann", "who says again what is there changes nothing"
    assert act("bob", "diff", "-f", str(manifest)).code == 0
    manifest.write_text(WEB.format(tag="1.36"))
    assert "changed-by" not in act("bob", "diff", "-f", str(manifest)).out
    act("bob", "apply", "-f", str(manifest))
    assert by(served, "/tasks/web") == "bob"
    act("cat", "undo", "task/web")
    assert by(served, "/tasks/web") == "cat", "not ann, who declared it so before"
    assert steps(served, "/tasks/web")[-1] == "cat"


def test_a_manifest_that_says_who_itself_counts_more(served: ServedPlane, act: object, tmp_path: Path) -> None:
    assert callable(act)
    manifest = tmp_path / "web.yaml"
    named = "metadata: {name: web, annotations: {taskyard/changed-by: ci}}"
    manifest.write_text(WEB.format(tag="1.35").replace("metadata: {name: web}", named))
    act("ann", "apply", "-f", str(manifest))
    assert by(served, "/tasks/web") == "ci"


@pytest.mark.parametrize(
    "words",
    [("cordon", "n1"), ("drain", "n1", "--no-wait"), ("label", "n1", "a=b"), ("maintenance", "n1", "--for", "1h")],
    ids=["cordon", "drain", "label", "maintenance"],
)
def test_what_is_said_of_a_node_says_who(served: ServedPlane, act: object, words: tuple[str, ...]) -> None:
    assert callable(act)
    served.plane.add_node("n1")
    served.settle()
    act("ann", *words)
    assert by(served, "/nodes/n1") == "ann"
    act("bob", "taint", "n1", "disk=failing:NoSchedule")
    assert {"ann", "bob"} <= set(steps(served, "/nodes/n1"))
