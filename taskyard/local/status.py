"""`taskyard status`: which parts of `up` run on this machine, since when, and how often they were started again."""

from __future__ import annotations

from dataclasses import dataclass

from taskyard.cli.age import span
from taskyard.cli.table import Table
from taskyard.local.state import ChildReport, Report, Settings, StateFolder


@dataclass(frozen=True, slots=True)
class Standing:
    """`lines` to print; `good` when all that should run does."""

    lines: list[str]
    good: bool


def standing(folder: StateFolder, now: float) -> Standing:
    settings, report = folder.settings(), folder.report()
    if settings is None or report is None:
        return Standing(
            [
                f"nothing is running in {folder.path}",
                "start it with `taskyard up`, or name the folder in which it runs with --state-dir",
            ],
            False,
        )
    rows = [_supervisor_row(report), *(_row(child, now) for child in report.children)]
    table = Table(("PART", "STATE", "PID", "SINCE", "RESTARTS", "LAST EXIT"))
    lines = [*table.lines(rows), "", *_words(folder, settings)]
    return Standing(lines, all(row[1] == "Running" for row in rows))


def _supervisor_row(report: Report) -> list[str]:
    alive = report.supervisor.alive()
    return ["supervisor", "Running" if alive else "Stopped", str(report.supervisor.pid) if alive else "", "", "", ""]


def _row(child: ChildReport, now: float) -> list[str]:
    alive = child.process is not None and child.process.alive()
    pid = str(child.process.pid) if child.process is not None and alive else ""
    state = "Running" if alive else ("Waiting" if child.restarts else "Stopped")
    since = span(max(0.0, now - child.started_at)) if alive else ""
    return [child.name, state, pid, since, str(child.restarts), child.last_exit]


def _words(folder: StateFolder, settings: Settings) -> list[str]:
    return [
        f"API:     {settings.url}",
        f"etcd:    {','.join(settings.etcd)}{' (ours)' if settings.own_etcd else ''}",
        f"Docker:  {settings.docker}{' (ours)' if settings.own_docker else ''}",
        f"logs:    {folder.logs}",
    ]
