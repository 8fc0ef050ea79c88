"""`taskyard agent drain`: empties the node of the agent on this machine, and ends that agent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import urllib3

from taskyard import local_agent
from taskyard.cli.failure import Failed
from taskyard.cli.options import Duration
from taskyard.cli.progress import progress
from taskyard.cli.session import CONTEXT_SETTINGS
from taskyard.local_agent import DATA_DIR, DrainProgress, LocalAgent, NoLocalAgent

_SILENCE = 15.0
"""Seconds without a word from an agent that runs."""
_ENDS_WITHIN = 15.0
_RUNS_ON = "what is left runs on without an agent: start it again, and then try once more with a longer --timeout"


@click.command(context_settings=CONTEXT_SETTINGS)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DATA_DIR,
    show_default=True,
    help="The agent's, by which it is found.",
)
@click.option("--wait/--no-wait", default=True, help="Wait until the agent has ended (the default), or only ask.")
@click.option(
    "--timeout", type=Duration(), metavar="TIME", help="How long it may take: 90s, 5m (the agent's --drain-timeout)."
)
def drain(data_dir: Path, wait: bool, timeout: float | None) -> None:
    """Empty this machine's node before the machine goes down: its tasks go elsewhere, and its agent ends.

    \b
      taskyard agent drain && systemctl poweroff
      taskyard agent drain --timeout 30m

    It asks the agent that runs here, and needs no address of a control plane. Each task is stopped as its spec says
    and placed on another node; budgets hold. After the timeout the agent ends all the same, what is left runs on, and
    the exit code is 1. Ctrl-C ends the wait, not the drain. Nothing has to be undone: the next agent takes tasks.
    """
    try:
        agent = local_agent.find(data_dir)
    except NoLocalAgent as error:
        raise Failed(str(error)) from error
    last: DrainProgress | None = None
    try:
        with progress() as shown:
            for last in _asked(agent, timeout):
                if not wait:
                    break
                shown.show(last.left)
    except (urllib3.exceptions.HTTPError, msgspec.MsgspecError) as error:
        raise Failed(f"the agent of node/{agent.node} at {agent.address} does not answer: {error}") from error
    if not wait:
        click.echo(f"node/{agent.node} draining")
        return
    if last is None or not last.over:
        raise Failed(f"the agent of node/{agent.node} was gone before it was empty", _RUNS_ON)
    _wait_for_its_end(agent, data_dir)
    if last.left:
        names = ", ".join(last.left)
        raise Failed(
            f"node/{agent.node} is not empty: {len(last.left)} of its tasks are still there: {names}", _RUNS_ON
        )
    click.echo(f"node/{agent.node} drained, and its agent has ended")


def _asked(agent: LocalAgent, timeout: float | None) -> Iterator[DrainProgress]:
    """What it says, line by line. Raises HTTPError, MsgspecError, Failed."""
    answer = urllib3.request(
        "POST",
        f"http://{agent.address}/drain" + ("" if timeout is None else f"?timeout={timeout:g}"),
        headers={"Authorization": f"Bearer {agent.token}"},
        preload_content=False,
        retries=False,
        timeout=_SILENCE,
    )
    if answer.status != 200:
        raise Failed(f"the agent of node/{agent.node} refuses: {answer.data.decode(errors='replace')}")
    rest = b""
    for piece in answer.stream(4096):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (msgspec.json.decode(line, type=DrainProgress) for line in lines)


def _wait_for_its_end(agent: LocalAgent, folder: Path) -> None:
    deadline = time.monotonic() + _ENDS_WITHIN
    while local_agent.runs(folder):
        if time.monotonic() > deadline:
            raise Failed(f"node/{agent.node} is drained, but its agent has not ended in {_ENDS_WITHIN:g} s")
        time.sleep(0.05)
