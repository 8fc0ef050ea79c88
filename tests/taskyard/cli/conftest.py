"""The command line in this process, against a small real server, with a home of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from taskyard.cli.main import main
from tests.support.fake_api import FakeApi
from tests.support.served import ServedPlane


@dataclass(frozen=True, slots=True)
class Run:
    code: int
    out: str
    err: str


Cli = Callable[..., Run]


def run(served: ServedPlane, capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    """`taskyard …` against a control plane in this process."""
    return _main(capsys, "--server", f"http://127.0.0.1:{served.port}", *arguments)


def _main(capsys: pytest.CaptureFixture[str], *arguments: str) -> Run:
    capsys.readouterr()
    code = int(main(list(arguments)))
    captured = capsys.readouterr()
    return Run(code, captured.out, captured.err)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture
def cli(api: FakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs `taskyard …` against the fake; what it printed and its exit code."""
    for variable in ("TASKYARD_CONFIG", "ORCHESTRATION_HOST", "ORCHESTRATION_PORT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TASKYARD_HOST", "127.0.0.1")
    monkeypatch.setenv("TASKYARD_PORT", str(api.port))

    return partial(_main, capsys)


@pytest.fixture
def served() -> Iterator[ServedPlane]:
    with ServedPlane() as running:
        yield running


@pytest.fixture
def out(served: ServedPlane, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a run of the command line prints; it has to succeed."""

    def printed(*arguments: str) -> str:
        found = run(served, capsys, *arguments)
        assert (found.code, found.err) == (0, "")
        return found.out

    return printed
