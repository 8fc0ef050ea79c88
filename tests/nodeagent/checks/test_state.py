"""What results of checks in a row mean."""

from __future__ import annotations

import pytest

from nodeagent.checks.state import CheckState, active, after, begin, judge
from taskyard.objects import Check, Checks, TcpCheck

CHECK = Check(tcp=TcpCheck(port=80), interval="2s", failures=3, successes=2)
ALL = Checks(startup=CHECK, liveness=CHECK, readiness=CHECK)


def results(word: str) -> CheckState:
    """After one result for each letter: p passed, f failed."""
    state = CheckState(due=0.0)
    for letter in word:
        state = after(CHECK, state, "" if letter == "p" else "connection refused", now=10.0)
    return state


@pytest.mark.parametrize(
    ("word", "passing"),
    [
        ("", None),
        ("p", None),
        ("pp", True),
        ("pfp", None),
        ("ff", None),
        ("fff", False),
        ("ppff", True),
        ("ppfff", False),
        ("ppfffp", False),
        ("ppfffpp", True),
        ("ppffpff", True),
    ],
)
def test_so_many_in_a_row_count(word: str, passing: bool | None) -> None:
    assert results(word).passing is passing


def test_the_next_is_an_interval_later() -> None:
    assert results("p").due == 12.0
    first = begin(Checks(liveness=Check(tcp=TcpCheck(port=80), delay="30s")), 100.0, was_ready=False)
    assert first["liveness"].due == 130.0


def test_start_up_is_asked_alone_and_then_never_again() -> None:
    fresh = begin(ALL, 0.0, was_ready=False)
    assert active(fresh) == ["startup"]
    assert active(fresh | {"startup": results("pp")}) == ["liveness", "readiness"]
    assert active(begin(ALL, 0.0, was_ready=True)) == ["liveness", "readiness"]


@pytest.mark.parametrize(
    ("startup", "liveness", "readiness", "ready", "unready", "failed"),
    [
        pytest.param("", "", "", False, "its startup check has yet to pass", "", id="fresh"),
        pytest.param(
            "fff", "", "", False, "its startup check fails", "its startup check fails: connection", id="never-up"
        ),
        pytest.param("pp", "", "", False, "its readiness check has yet to pass", "", id="up"),
        pytest.param("pp", "", "pp", True, "", "", id="ready"),
        pytest.param("pp", "pp", "ppfff", False, "fails: connection refused", "", id="not-ready-any-more"),
        pytest.param("pp", "ff", "pp", True, "", "", id="nearly-dead"),
        pytest.param("pp", "fff", "pp", False, "", "its liveness check fails: connection", id="dead"),
    ],
)
def test_verdicts(startup: str, liveness: str, readiness: str, ready: bool, unready: str, failed: str) -> None:
    said = judge({"startup": results(startup), "liveness": results(liveness), "readiness": results(readiness)})
    assert said.ready is ready
    assert unready in said.unready
    assert failed in said.failed
    assert (bool(said.unready), bool(said.failed)) == (bool(unready), bool(failed))
