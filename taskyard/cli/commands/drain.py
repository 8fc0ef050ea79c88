"""`taskyard drain`: places nothing new on nodes, drives what runs there elsewhere, and waits until it has gone."""

from __future__ import annotations

import click

from taskyard.cli import complete
from taskyard.cli.commands.node import node_names, set_node
from taskyard.cli.emptying import wait_until_empty
from taskyard.cli.options import Duration, wait_timeout
from taskyard.cli.session import Command, session
from taskyard.clock import SystemClock, timestamp
from taskyard.objects import DRAIN_TAINT


@click.command(cls=Command)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=complete.node_names)
@click.option(
    "--deadline", type=Duration(), metavar="TIME", help="What is still there after that is stopped: 30m (no limit)."
)
@click.option("--force", is_flag=True, help="At the deadline, or now without one, also stop what is to run once.")
@click.option("--wait/--no-wait", default=True, help="Wait until all has gone (the default), or only ask for it.")
@wait_timeout("10m")
def drain(nodes: tuple[str, ...], deadline: float | None, force: bool, wait: bool, timeout: float) -> None:
    """Empty nodes, for maintenance: nothing new is placed there, and what runs there goes elsewhere.

    \b
      taskyard drain n1
      taskyard drain n1 n2 --timeout 1h
      taskyard drain n1 --deadline 30m           what is still there then is stopped
      taskyard drain n1 --deadline 30m --force   also what is to run at most once
      taskyard drain n1 --force                  all of that now
      taskyard uncordon n1                       undoes it

    Each task is stopped as its spec says and placed on another node; of a service with `order: start-first` another
    one is started and ready before. Where fewer than `minAvailable` of its kind would be left running it stays until
    another runs. After the deadline neither holds it any longer; a drain that is asked for again has the deadline that
    it is asked for with. A task that is to run at most once is left to its end, unless --force cuts it short: its
    outcome is unknown then, and it is not run again. What tolerates the taint taskyard/drain:NoExecute stays. Ctrl-C
    and the timeout end the wait, not the drain.
    """
    client = session().client()
    names = node_names(nodes, "drain n1")
    lasts = 0.0 if force and deadline is None else deadline
    until = "" if lasts is None else timestamp(SystemClock().now() + lasts)
    for name in names:
        before = client.node(name).view
        set_node(
            client, before, {"cordoned": True, "drain": {"deadline": until or None, "force": force or None}}, "draining"
        )
    if wait:
        wait_until_empty(client, names, DRAIN_TAINT, timeout, goes_on="it goes on being drained", until=until)
