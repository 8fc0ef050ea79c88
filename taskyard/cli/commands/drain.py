"""`taskyard drain`: places nothing new on nodes, drives what runs there elsewhere, and waits until it has gone."""

from __future__ import annotations

import click

from taskyard.cli import complete
from taskyard.cli.commands.node import changed_taints, node_names, set_node
from taskyard.cli.emptying import wait_until_empty
from taskyard.cli.options import wait_timeout
from taskyard.cli.session import Command, session
from taskyard.objects import Taint
from taskyard.tolerations import DRAIN


@click.command(cls=Command)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=complete.node_names)
@click.option("--wait/--no-wait", default=True, help="Wait until all has gone (the default), or only ask for it.")
@wait_timeout("10m")
def drain(nodes: tuple[str, ...], wait: bool, timeout: float) -> None:
    """Empty nodes, for maintenance: nothing new is placed there, and what runs there goes elsewhere.

    \b
      taskyard drain n1
      taskyard drain n1 n2 --timeout 1h
      taskyard uncordon n1              undoes it

    Each task is stopped as its spec says and placed on another node. Where fewer than `minAvailable` of its kind would
    be left running it stays until another runs; a job's task that is to run at most once is left to its end. What
    tolerates the taint taskyard/drain:NoExecute stays. Ctrl-C and the timeout end the wait, not the drain.
    """
    client = session().client()
    names = node_names(nodes, "drain n1")
    for name in names:
        before = client.node(name).view
        taints = changed_taints(list(before.spec.taints), f"{DRAIN}:NoExecute")
        set_node(client, before, {"cordoned": True, "taints": taints}, "draining")
    if wait:
        taint = Taint(key=DRAIN, effect="NoExecute")
        wait_until_empty(client, names, taint, timeout, goes_on="it goes on being drained")
