"""What is said to a command line that click refuses: what is wrong, what was meant, and an example of what to type.

The examples are those of the command's own help, so that each is written once.
"""

from __future__ import annotations

import difflib

import click

_ELSEWHERE = {
    "sort-by": "rows are in order of their names; for another: taskyard get tasks --no-headers | sort -k 5",
    "show-labels": "labels are in: taskyard get tasks -o yaml",
    "context": "a server is named by --server http://HOST:PORT",
    "kubeconfig": "a server is named by --server http://HOST:PORT",
    "address": "a server is named by --server http://HOST:PORT",
    "R": "a folder is read with all that is below it: leave this out",
    "recursive": "a folder is read with all that is below it: leave this out",
    "to-revision": "write --to N",
    "since-time": "write --since 10m: so long ago",
    "all-containers": "of one init task or sidecar: -c NAME",
    "types": "for one type: taskyard events --types Warning",
    "l": "these are chosen by label: taskyard get tasks -l app=web -o name",
    "selector": "these are chosen by label: taskyard get tasks -l app=web -o name",
    "o": "this one is for people; for programs the same is in REST: docs/rest.md",
    "output": "this one is for people; for programs the same is in REST: docs/rest.md",
    "ignore-daemonsets": "leave this out: what is to stay tolerates the taint taskyard/drain:NoExecute",
    "delete-emptydir-data": "leave this out: what is in a container goes with it, named volumes stay",
    "json": "write -o json",
    "yaml": "write -o yaml",
    "quiet": "names alone: -o name",
    "format": "the forms for programs are -o json and -o yaml",
    "template": "the forms for programs are -o json and -o yaml",
}
"""What another tool's option is here. By its name without dashes."""


def usage_lines(error: click.UsageError) -> list[str]:
    """An error and its hints, as taskyard/cli/report.py prints them."""
    if error.ctx is None:  # As click's parser raises it.
        flag = error.option_name if isinstance(error, click.BadOptionUsage) else ""
        alone = flag and "not take a value" in error.message
        return [f"error: {error.format_message()}", *([f"hint: write {flag} alone"] if alone else [])]
    command = error.ctx.command
    if isinstance(error, click.NoSuchOption):
        first = f"there is no option '{error.option_name}' of `{error.ctx.command_path}`"
        meant = _meant(error.option_name.lstrip("-"), command)
        lines = [f"error: {first}", *([f"hint: {meant}"] if meant else [])]
    elif isinstance(error, click.exceptions.NoSuchCommand) and isinstance(command, click.Group):
        lines = [f"error: there is no command '{error.command_name}' of `{error.ctx.command_path}`"]
        lines.append(f"hint: it is followed by one of {', '.join(command.list_commands(error.ctx))}")
    elif isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(command, click.Group):
        there = ", ".join(command.list_commands(error.ctx))
        lines = [f"error: say which: {error.ctx.command_path} is followed by one of {there}"]
        lines += [f"hint: for example: {shown}" for shown in examples(command, error.ctx.command_path)[:1]]
    else:
        lines = [f"error: {' '.join(error.format_message().split())}"]
    if isinstance(error, click.MissingParameter):
        lines += [f"hint: for example: {shown}" for shown in examples(command, error.ctx.command_path)[:1]]
    return [*lines, f"hint: see '{error.ctx.command_path} -h'"]


def examples(command: click.Command, path: str) -> list[str]:
    """Those of its help, without what is said beside them."""
    lines = (line.strip() for line in (command.help or "").splitlines())
    return [line.split("  ")[0].removesuffix(" \\") for line in lines if line == path or line.startswith(f"{path} ")]


def _meant(name: str, command: click.Command) -> str:
    own = [
        option.removeprefix("--")
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    ]
    # Without the dashes, which make `--sort-by` look like `--port`.
    if near := difflib.get_close_matches(name, own, n=1, cutoff=0.7):
        return f"did you mean --{near[0]}?"
    return _ELSEWHERE.get(name, "")
