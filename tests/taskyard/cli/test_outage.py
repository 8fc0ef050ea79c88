"""While etcd is away: what is shown says how old it is, what cannot be done says why and what to do."""

from __future__ import annotations

import pytest

from tests.controlplane.api.bench import manifest
from tests.support.served import ServedPlane
from tests.taskyard.cli.conftest import run


@pytest.fixture
def away(served: ServedPlane) -> ServedPlane:
    served.call("POST", "/tasks", manifest())
    served.contact.probe()
    served.store.down = True
    served.clock.advance(12)
    served.contact.probe()
    return served


def test_what_is_shown_says_once_how_old_it_is(away: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(away, capsys, "get", "tasks,services,jobs,nodes")
    assert found.err.count("warning: etcd has not answered for 12 s: this is as of revision ") == 1
    assert found.code == 0


def test_with_etcd_there_is_no_warning(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> None:
    assert "warning" not in run(served, capsys, "get", "tasks").err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["delete", "task/web"], "etcd does not answer, so nothing was changed: "),
        (["undo", "task/web"], "etcd does not answer, so what was cannot be read: "),
        (["history", "task/web"], "etcd does not answer, so what was cannot be read: "),
        (["get", "tasks", "--at", "5s"], "etcd does not answer, so what was cannot be read: "),
    ],
)
def test_what_needs_etcd_says_why_and_what_to_do(
    away: ServedPlane, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    found = run(away, capsys, *words)
    assert f"error: {why}" in found.err
    assert "hint: start etcd again and repeat this" in found.err
    assert found.code == 1
