"""Benchmarks: `python -m bench NAME [--json] [--check] [--repeats N]`.

Each runs alone on what it starts itself, measures ours and a peer or a limit in the same run, and prints medians,
spread, ratios and goals. Nothing in the product imports this.
"""
