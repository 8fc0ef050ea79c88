"""`taskyard maintenance`: work on nodes for a while; what runs there goes elsewhere, and their loss is expected."""

from __future__ import annotations

import click

from taskyard.cli import complete
from taskyard.cli.commands.node import node_names, set_node
from taskyard.cli.emptying import wait_until_empty
from taskyard.cli.failure import Failed
from taskyard.cli.options import Duration, wait_timeout
from taskyard.cli.session import Command, session
from taskyard.clock import SystemClock, timestamp
from taskyard.objects import MAINTENANCE_TAINT


@click.command(cls=Command)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=complete.node_names)
@click.option("--for", "lasts", type=Duration(), metavar="TIME", help="How long: 30m, 2h. Then it ends by itself.")
@click.option("--reason", default="", metavar="TEXT", help="For people: shown with the node.")
@click.option("--end", is_flag=True, help="End it now: nodes take tasks again.")
@click.option("--wait/--no-wait", default=True, help="Wait until all has gone (the default), or only ask for it.")
@wait_timeout("10m")
def maintenance(
    nodes: tuple[str, ...], lasts: float | None, reason: str, end: bool, wait: bool, timeout: float
) -> None:
    """Work on nodes for a while: empty them, and expect them to be away.

    \b
      taskyard maintenance n1 --for 2h --reason "new disk"
      taskyard maintenance n1 --for 4h       from now on, whatever it was before
      taskyard maintenance n1 --end          undoes it

    Tasks leave as with `drain`, within their budgets, and nothing new is placed there. What has its data there is
    stopped and waits for the node; what tolerates the taint taskyard/maintenance stays. A node that goes away meanwhile
    is no loss that anybody is told of, and none that counts towards a mass loss. Ctrl-C and the timeout end the wait,
    not the maintenance. A cordon or drain of before is left as it is.
    """
    if end == (lasts is not None) or (end and reason):
        raise Failed(
            "say how long, or that it ends", 'for example: taskyard maintenance n1 --for 2h --reason "new disk"'
        )
    client = session().client()
    names = node_names(nodes, "maintenance n1 --for 2h")
    until = timestamp(SystemClock().now() + (lasts or 0.0))
    for name in names:
        before = client.node(name).view
        if end:
            set_node(client, before, {"maintenance": None}, "out of maintenance")
        else:
            set_node(
                client, before, {"maintenance": {"until": until, "reason": reason}}, f"in maintenance until {until}"
            )
    if wait and not end:
        wait_until_empty(client, names, MAINTENANCE_TAINT, timeout, goes_on="its maintenance goes on")
