"""`taskyard rebalance`: the moves that would improve the placement, and if wanted, done one by one."""

from __future__ import annotations

import sys

import click

from taskyard.cli.exits import Exit
from taskyard.cli.failure import Failed
from taskyard.cli.formats import json_text, yaml_text
from taskyard.cli.options import Duration, wait_timeout
from taskyard.cli.session import Command, session
from taskyard.cli.table import Table
from taskyard.client.rebalance_views import RebalanceView


@click.command(cls=Command)
@click.option("--plan", "plan_only", is_flag=True, help="Only show the moves; exits 2 when there are any.")
@click.option("--max-moves", type=click.IntRange(1, 1000), default=10, metavar="N", help="At most so many (10).")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="With --plan: for programs.")
@wait_timeout("5m")
@click.option(
    "--stable",
    type=Duration(),
    default="2s",
    metavar="TIME",
    help="How long a task without a health check has to run on its new node before the next is moved (2s).",
)
def rebalance(plan_only: bool, max_moves: int, output: str | None, timeout: float, stable: float) -> int:
    """Move tasks to where the scheduler would place them now, the move that gains most first.

    \b
      taskyard rebalance --plan --max-moves 5     the moves, each with what it gains
      taskyard rebalance --max-moves 5            do them, one after the other

    Each task has to run on its new node before the next one leaves its own; at the first trouble it stops. Singletons,
    tasks with a named volume, and those that run to an end are not moved.
    """
    if output and not plan_only:
        raise click.UsageError("-o is for --plan")
    client = session().client()
    found = client.rebalance(max_moves)
    if output == "json":
        click.echo(json_text(found.data()))
    elif output == "yaml":
        click.echo(yaml_text([found.data()]), nl=False)
    elif plan_only or not found.view.moves:
        click.echo("\n".join(move_lines(found.view)))
    if plan_only or not found.view.moves:
        return Exit.CHANGES if found.view.moves else Exit.DONE
    from taskyard.cli.moving import carry_out
    from taskyard.cli.progress import progress
    from taskyard.clock import SystemClock

    sys.stdout.flush()
    with progress() as shown:
        trouble = carry_out(
            client, found.view.moves, clock=SystemClock(), timeout=timeout, stable=stable, progress=shown
        )
    if trouble:
        raise Failed(f"{trouble}; nothing more was moved", "look at it (`taskyard why`), then run it again")
    return Exit.DONE


def move_lines(found: RebalanceView) -> list[str]:
    rows = [
        [
            move.namespace,
            move.name,
            move.from_node,
            move.to_node,
            f"+{move.gain:.3f}",
        ]
        for move in found.moves
    ]
    lines = Table(["NAMESPACE", "NAME", "FROM", "TO", "GAIN"], colour=False).lines(rows) if rows else []
    held = [f"{count} not moved: {why}" for why, count in found.pinned.items()]
    return [*lines, *([""] if lines else []), *held, _summary(found)]


def _summary(found: RebalanceView) -> str:
    if not found.moves:
        return f"nothing to gain: no move is worth its restart; {found.movable} tasks could be moved"
    count = len(found.moves)
    before, after = found.before, found.after
    return (
        f"{count} move{'' if count == 1 else 's'}: unevenness {before.unevenness:.1%} -> {after.unevenness:.1%},"
        f" empty nodes {before.empty_nodes} -> {after.empty_nodes}; at revision {found.revision}"
    )
