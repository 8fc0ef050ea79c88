"""`python -m simulator`: runs seeds, several at a time if asked; shrinks each that fails, and tells its story."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click

from simulator.cluster import Cluster
from simulator.numbers import NumbersType, written
from simulator.outcome import Outcome
from simulator.settings import Settings
from simulator.shrink import shrink


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", default=20, show_default=True, help="How many seeds to run.")
@click.option("--start", default=0, show_default=True, help="The first of them.")
@click.option("--nodes", default=3, show_default=True, help="In each cluster.")
@click.option("--tasks", default=12, show_default=True, help="That users ask for.")
@click.option("--minutes", default=3.0, show_default=True, help="Of users and faults, before all has to settle.")
@click.option("--faults", default=12.0, show_default=True, help="Per minute.")
@click.option("--data-loss", is_flag=True, help="The store may be wiped, or restored from a backup, once in a run.")
@click.option("--contention", is_flag=True, help="Users ask with priorities and in gangs, under a quota.")
@click.option("--only-faults", type=NumbersType(), help="Their numbers, as 3,7-9. Default: all.")
@click.option("--only-requests", type=NumbersType(), help="Those of the users, likewise.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="Processes.")
@click.option(
    "--shrink/--no-shrink", "shrinks", default=True, help="Look for fewer faults and requests that do it too."
)
@click.option("--trace", is_flag=True, help="Print all that happened.")
def main(
    seeds: int,
    start: int,
    nodes: int,
    tasks: int,
    minutes: float,
    faults: float,
    data_loss: bool,
    contention: bool,
    only_faults: frozenset[int] | None,
    only_requests: frozenset[int] | None,
    jobs: int,
    shrinks: bool,
    trace: bool,
) -> None:
    """Simulate whole clusters under faults, each from its seed.

    \b
      taskyard simulate --seeds 50
      taskyard simulate --start 17 --seeds 1 --trace      one of them, with all that happened
    """
    settings = Settings(nodes, tasks, minutes, faults, data_loss, only_faults, only_requests, contention)
    began, simulated, failed = time.perf_counter(), 0.0, 0
    for done, outcome in enumerate(_outcomes(range(start, start + seeds), settings, jobs, trace), start=1):
        simulated += outcome.minutes
        if trace:
            click.echo(outcome.trace)
        if outcome.violation:
            failed += 1
            _tell(outcome, settings, shrinks)
        if sys.stderr.isatty():
            click.echo(f"\r{done} of {seeds} seeds, {failed} failed ", nl=done == seeds, err=True)
    took = time.perf_counter() - began
    click.echo(
        f"{seeds} seeds, {failed} failed; {simulated:.0f} cluster-minutes in {took:.1f} s "
        f"({simulated / took * 60:.0f} per minute)",
        err=trace,
    )
    sys.exit(1 if failed else 0)


def _outcomes(seeds: range, settings: Settings, jobs: int, trace: bool) -> Iterator[Outcome]:
    run = partial(_run, settings=settings, trace=trace)
    if jobs == 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run, seeds)


def _run(seed: int, settings: Settings, trace: bool) -> Outcome:
    return Cluster(seed, settings).run(trace=trace)


def _tell(outcome: Outcome, settings: Settings, shrinks: bool) -> None:
    seed, all_faults, all_requests = outcome.seed, outcome.faults, outcome.requests
    if shrinks:
        settings, outcome = shrink(seed, settings, outcome)
        click.echo(
            f"shrunk to {len(settings.only_faults or ())} of {all_faults} faults"
            f" and {len(settings.only_requests or ())} of {all_requests} requests"
        )
    click.echo(f"seed {seed}: {outcome.violation}\n{outcome.story}\n")
    click.echo(f"again: {again(seed, settings)}\n")


def again(seed: int, settings: Settings) -> str:
    """The command that repeats the run."""
    command = (
        f"taskyard simulate --seeds 1 --start {seed} --nodes {settings.nodes} --tasks {settings.tasks}"
        f" --minutes {settings.minutes:g} --faults {settings.faults_per_minute:g} --no-shrink"
    )
    if settings.data_loss:
        command += " --data-loss"
    if settings.contention:
        command += " --contention"
    if settings.only_faults is not None:
        command += f" --only-faults {written(settings.only_faults)}"
    if settings.only_requests is not None:
        command += f" --only-requests {written(settings.only_requests)}"
    return command


if __name__ == "__main__":
    main(prog_name="taskyard simulate")
