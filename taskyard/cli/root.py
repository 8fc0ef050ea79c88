"""Every command by name, with its line of help, imported only when it is typed: that keeps `taskyard version` quick.

Also what to say to a name that is none: the nearest one, or what the word means elsewhere (`ps`, `run`).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import click

from taskyard import __version__
from taskyard.cli.kinds import find_kind
from taskyard.cli.session import CONTEXT_SETTINGS, Session, connection_options, namespace_option


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command is, and the help that is shown without importing it."""

    module: str
    attribute: str
    help: str


_SECTIONS: dict[str, dict[str, Lazy]] = {
    "Apply and remove": {
        "apply": Lazy("taskyard.cli.commands.apply", "apply", "Create or change what the manifests declare"),
        "diff": Lazy("taskyard.cli.commands.diff", "diff", "Show what an apply would change, or what changed"),
        "undo": Lazy("taskyard.cli.commands.undo", "undo", "Declare objects again as they were before"),
        "plan": Lazy("taskyard.cli.commands.plan", "plan", "Show what would change, and where everything would go"),
        "validate": Lazy("taskyard.cli.commands.validate", "validate", "Check manifests; needs no server"),
        "delete": Lazy("taskyard.cli.commands.delete", "delete", "Stop and remove tasks"),
        "explain": Lazy("taskyard.cli.commands.explain", "explain", "What a manifest's field means: task.spec.ports"),
    },
    "Look": {
        "get": Lazy("taskyard.cli.commands.get", "get", "List tasks, nodes or events"),
        "describe": Lazy("taskyard.cli.commands.describe", "describe", "All about one task or node, and why"),
        "why": Lazy("taskyard.cli.commands.why", "why", "Why a task waits, or is where it is"),
        "history": Lazy("taskyard.cli.commands.history", "history", "Every change of one object, and who made it"),
        "replay": Lazy("taskyard.cli.commands.replay", "replay", "Decide again what was decided, and compare"),
        "logs": Lazy("taskyard.cli.commands.logs", "logs", "What a task's container wrote"),
        "events": Lazy("taskyard.cli.commands.events", "events", "What happened lately"),
        "top": Lazy("taskyard.cli.commands.top", "top", "CPU and memory in use, by node or by task"),
        "stats": Lazy("taskyard.cli.commands.stats", "stats", "What tasks and nodes used over the last minutes"),
    },
    "Look into containers": {
        "exec": Lazy("taskyard.cli.commands.exec", "exec_", "Run a command in a task's container"),
        "attach": Lazy("taskyard.cli.commands.exec", "attach", "Watch and feed a task's own process"),
        "inspect": Lazy("taskyard.cli.commands.inspect", "inspect", "What Docker says of a task's container"),
        "cp": Lazy("taskyard.cli.commands.cp", "cp", "Copy files to and from a task's container"),
        "port-forward": Lazy("taskyard.cli.commands.port_forward", "port_forward", "Reach a task's port from here"),
    },
    "Services": {
        "scale": Lazy("taskyard.cli.commands.rollout", "scale", "Set how many tasks a service has"),
        "endpoints": Lazy(
            "taskyard.cli.commands.endpoints", "endpoints", "Where services are reached, also for a proxy"
        ),
        "rollout": Lazy("taskyard.cli.commands.rollout", "rollout", "Status, history, undo, pause, resume, restart"),
    },
    "Jobs": {
        "job": Lazy("taskyard.cli.commands.job", "job", "Status, suspend, resume, run, dispatch"),
    },
    "Nodes": {
        "cordon": Lazy("taskyard.cli.commands.node", "cordon", "Place nothing new on a node"),
        "uncordon": Lazy("taskyard.cli.commands.node", "uncordon", "Let a node take new tasks again"),
        "maintenance": Lazy(
            "taskyard.cli.commands.maintenance",
            "maintenance",
            "Work on a node for a while: it is emptied, and may be away",
        ),
        "drain": Lazy("taskyard.cli.commands.drain", "drain", "Empty a node: what runs there goes elsewhere"),
        "gone": Lazy("taskyard.cli.commands.node", "gone", "Say that lost nodes are gone for good"),
        "label": Lazy("taskyard.cli.commands.node", "label", "Set or remove a node's labels"),
        "rebalance": Lazy(
            "taskyard.cli.commands.rebalance", "rebalance", "Move tasks to where they would be placed now"
        ),
        "taint": Lazy("taskyard.cli.commands.node", "taint", "Set or remove a node's taints"),
    },
    "Run Taskyard": {
        "up": Lazy("taskyard.local.commands", "up", "Run everything on this machine"),
        "down": Lazy("taskyard.local.commands", "down", "Stop what `up` started, and its containers"),
        "status": Lazy("taskyard.local.commands", "status", "What of `up` is running"),
        "backup": Lazy("taskyard.cli.commands.backup", "backup", "Write all that etcd holds to one file"),
        "restore": Lazy("taskyard.cli.commands.backup", "restore", "Bring back what a backup holds"),
        "controlplane": Lazy("taskyard.cli.commands.planes", "controlplane", "Run a control plane in the foreground"),
        "agent": Lazy("taskyard.cli.commands.planes", "agent", "Run a node's agent in the foreground"),
        "simulate": Lazy("taskyard.cli.commands.planes", "simulate", "Run whole clusters in memory, under faults"),
    },
    "Other": {
        "completion": Lazy("taskyard.cli.commands.completion", "completion", "Print the completion for your shell"),
        "version": Lazy("taskyard.cli.commands.version", "version", "Print the version"),
    },
}
_COMMANDS = {name: lazy for section in _SECTIONS.values() for name, lazy in section.items()}
_ALIASES = {"log": "logs", "rm": "delete", "del": "delete", "event": "events", "ev": "events", "desc": "describe"}
_ELSEWHERE = {
    "ps": "get tasks",
    "ls": "get tasks",
    "list": "get tasks",
    "run": "apply -f FILE",
    "create": "apply -f FILE",
    "deploy": "apply -f FILE",
    "lint": "validate -f FILE",
    "stop": "delete",
    "kill": "delete --grace-period 0",
    "edit": "apply -f FILE",
    "patch": "apply -f FILE",
    "wait": "apply -f FILE --wait",
    "stack": "apply -f FILE",
    "shell": "exec -it TASK -- sh",
    "ssh": "exec -it TASK -- sh",
    "show": "describe",
    "update": "apply -f FILE",
    "api-resources": "explain",
    "replace": "apply -f FILE",
    "start": "up",
    "restart": "rollout restart",
    "cluster-info": "status",
    "info": "status",
    "revert": "undo",
    "rollback": "undo",
    "server": "controlplane",
    "help": "-h",
}
"""What a word that other tools know is here."""


class Root(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        lazy = _COMMANDS.get(_ALIASES.get(cmd_name, cmd_name))
        if lazy is None:
            return None
        from importlib import import_module

        command = getattr(import_module(lazy.module), lazy.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and name not in _ALIASES and not name.startswith("-"):
            raise click.UsageError(f"there is no command '{name}'{_suggestion(name)}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=c.help) for name, c in _COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, lazy.help) for name, lazy in commands.items()], col_max=16)


def _suggestion(name: str) -> str:
    if meant := _ELSEWHERE.get(name):
        return f"; here it is `taskyard {meant}`"
    if kind := find_kind(name):
        return f"; here it is `taskyard get {kind.plural}`"
    near = difflib.get_close_matches(name, [*_COMMANDS, *_ELSEWHERE], n=1, cutoff=0.6)
    if not near:
        return ""
    return f"; did you mean `taskyard {_ELSEWHERE.get(near[0], near[0])}`?"


@click.group(
    cls=Root,
    params=[*connection_options(hidden=False), namespace_option(hidden=False)],
    context_settings=CONTEXT_SETTINGS,
    epilog="These options may stand before or after the command. `taskyard COMMAND -h` shows the command's own.",
)
@click.version_option(__version__, "--version", message="taskyard %(version)s")
@click.pass_context
def root(ctx: click.Context) -> None:
    """Taskyard runs containers on your machines, and answers why.

    \b
      taskyard up                    everything on this machine
      taskyard apply -f manifests/   create or change what a folder declares
      taskyard get tasks -w          watch it happen
      taskyard describe task/web     all about one, and why
    """
    ctx.ensure_object(Session)
