"""`python -m simulator`: runs seeds one after the other; prints the story of each that fails, and exits 1 then."""

from __future__ import annotations

import sys
import time

import click

from simulator.cluster import Cluster, Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", default=20, show_default=True, help="How many seeds to run.")
@click.option("--start", default=0, show_default=True, help="The first of them.")
@click.option("--nodes", default=3, show_default=True)
@click.option("--tasks", default=12, show_default=True)
@click.option("--minutes", default=3.0, show_default=True, help="Of users and faults, before all has to settle.")
@click.option("--faults", default=12.0, show_default=True, help="Per minute.")
@click.option("--trace", is_flag=True, help="Print all that happened.")
def main(seeds: int, start: int, nodes: int, tasks: int, minutes: float, faults: float, trace: bool) -> None:
    """Simulate whole clusters under faults, each from its seed."""
    settings = Settings(nodes, tasks, minutes, faults)
    began, simulated, failed = time.perf_counter(), 0.0, 0
    for seed in range(start, start + seeds):
        outcome = Cluster(seed, settings).run(trace=trace)
        simulated += outcome.minutes
        if trace:
            click.echo(outcome.trace)
        if outcome.violation:
            failed += 1
            click.echo(f"seed {seed}: {outcome.violation}\n{outcome.story}\n")
            click.echo(f"again: python -m simulator --seeds 1 --start {seed} --nodes {nodes} --tasks {tasks} "
                       f"--minutes {minutes:g} --faults {faults:g}\n")  # fmt: skip
    took = time.perf_counter() - began
    click.echo(
        f"{seeds} seeds, {failed} failed; {simulated:.0f} cluster-minutes in {took:.1f} s "
        f"({simulated / took * 60:.0f} per minute)",
        err=trace,
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
