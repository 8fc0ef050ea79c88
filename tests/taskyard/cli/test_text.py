"""Ages, sizes, tables and explanations: the pure parts of what is printed."""

from __future__ import annotations

import pytest

from taskyard.cli.age import age, cores, share, size, span
from taskyard.cli.failure import Failed
from taskyard.cli.field_help import explanation, find, read_path
from taskyard.cli.table import Table, state_colour
from taskyard.clock import timestamp


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (330, "5m30s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (12000, "3h20m"),
        (100000, "27h"),
        (172800, "2d"),
        (190000, "2d4h"),
        (864000, "10d"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_age_of_nothing_of_the_future_and_of_nonsense() -> None:
    assert age("", 0) == "-"
    assert age(timestamp(2000), 1000) == "0s"
    assert age("yesterday", 0) == "yesterday"


def test_amounts() -> None:
    assert [size(n) for n in (0, 1000, 1536, 512 * 2**20, 3 * 2**40)] == ["0", "1000", "1.5Ki", "512Mi", "3Ti"]
    assert [cores(n) for n in (0, 250, 1000, 2500, 1234)] == ["0", "250m", "1", "2.5", "1234m"]
    assert (share(1, 4), share(1, 0)) == ("25%", "-")


def test_a_table_is_aligned_and_never_cut() -> None:
    table = Table(["NAME", "STATE"], colour=False)
    assert table.lines([["web", "Running"], ["x" * 300, ""]]) == [
        f"NAME{' ' * 299}STATE",
        f"web{' ' * 300}Running",
        f"{'x' * 300}   -",
    ]
    assert table.lines([["web", "Failed"]], header=False) == [f"web{' ' * 300}Failed"], "later rows keep the widths"


def test_only_states_have_colour() -> None:
    lines = Table(["STATE", "REASON"], colour=True).lines([["Failed", "Failed"], ["Ready,Cordoned", "-"]])
    assert lines[1] == "\x1b[31mFailed\x1b[0m           Failed"
    assert lines[2].startswith("\x1b[33mReady,Cordoned\x1b[0m")
    assert state_colour("busybox") == ""


def test_explain_a_field() -> None:
    lines = explanation("task.spec.ports.host", find("Task", read_path("spec.ports[0].host")))
    assert lines[0] == "task.spec.ports.host  <integer or string>"
    assert "  at most: 65535" in lines


def test_explain_a_mapping_says_what_each_entry_has() -> None:
    lines = explanation("task.spec.envFrom", find("Task", ["spec", "envFrom"]))
    assert "Fields of each entry:" in lines
    assert "  secret  <string>" in lines
    assert not any(line.startswith("Fields") for line in explanation("task.spec.env", find("Task", ["spec", "env"])))


def test_explain_leaves_out_what_the_server_sets() -> None:
    lines = explanation("task", find("Task", []))
    assert any(line.startswith("  spec  <object>  required") for line in lines)
    assert not any(line.startswith("  status") for line in lines)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        pytest.param("spec.prots", "did you mean 'ports'?", id="slip"),
        pytest.param("spec.image.tag", "", id="below a text"),
        pytest.param("xyzzy", "it has: apiVersion, kind, metadata, spec", id="nothing near"),
    ],
)
def test_explain_what_is_not_there(path: str, hint: str) -> None:
    with pytest.raises(Failed, match="has no field") as got:
        find("Task", read_path(path))
    assert got.value.hint.startswith(hint)


def test_every_field_of_every_kind_can_be_explained() -> None:
    left: list[tuple[str, list[str]]] = [("Task", []), ("Node", [])]
    seen = 0
    while left:
        kind, path = left.pop()
        field = find("Task" if kind == "Task" else "Node", path)
        assert explanation("x", field)[2].strip(), path
        left += [(kind, [*path, name]) for name in field.writable()]
        seen += 1
    assert seen > 40
