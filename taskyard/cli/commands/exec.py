"""`taskyard exec` and `taskyard attach`: talk to a process in a task's container, from this terminal or from a pipe."""

from __future__ import annotations

import sys

import click

from taskyard.channels import OpenAttach, OpenExec
from taskyard.cli import complete, terminal
from taskyard.cli.exits import Exit
from taskyard.cli.failure import Failed, note
from taskyard.cli.kinds import one_task
from taskyard.cli.session import Command, session

_DETACHED = "detached from task/{}, which runs on"


@click.command("exec", cls=Command, namespaced=True, context_settings={"allow_interspersed_args": False})
@click.option("-i", "--stdin", "--interactive", is_flag=True, help="Pass stdin on to the command.")
@click.option("-t", "--tty", is_flag=True, help="Under a terminal: this one. Its bytes come here as they are.")
@click.option("-u", "--user", default="", metavar="USER", help="As this user: name, uid, or uid:gid.")
@click.option("-w", "--workdir", default="", metavar="DIR", help="In this folder.")
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="With this in its environment. Repeatable.")
@click.option("-c", "--container", default="", metavar="NAME", help="In the task's init task or sidecar of that name.")
@click.argument("task", shell_complete=complete.task_names)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="COMMAND...")
def exec_(
    stdin: bool,
    tty: bool,
    user: str,
    workdir: str,
    env: tuple[str, ...],
    container: str,
    task: str,
    command: tuple[str, ...],
) -> int:
    """Run a command in a task's container; its exit code is ours.

    \b
      taskyard exec web -- ls /data
      taskyard exec -it web -- sh
      taskyard exec -i db -- psql < dump.sql

    Signals that we get are sent to the command (Ctrl-C twice leaves it), and it gets SIGHUP when the line breaks.
    """
    words = command[1:] if command[:1] == ("--",) else command
    if not words:
        raise Failed("say what to run", f"for example: taskyard exec -it {task} -- sh")
    if words[0].startswith("-"):
        raise Failed(
            f"{words[0]!r} is no command", f"options stand before the task: taskyard exec {words[0]} ... {task} -- sh"
        )
    if bad := [pair for pair in env if not pair.partition("=")[0] or "=" not in pair]:
        raise Failed(f"{bad[0]!r} is not NAME=VALUE")
    if tty and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failed("-t needs a terminal, and this is none", "leave -t out, as for a pipe or a script")
    current = session()
    opening = OpenExec(list(words), stdin, tty, user, workdir, list(env), size=terminal.size() if tty else None)
    name = one_task((task,), "exec web -- ls")
    with current.client().console(current.namespace_or_default(), name, "exec", opening, container) as console:
        code = terminal.converse(console, stdin=stdin, raw=tty, forward=True)
    return Exit.ERROR if code is None else code


@click.command(cls=Command, namespaced=True)
@click.argument("task", shell_complete=complete.task_names)
@click.option("-i", "--stdin", is_flag=True, help="Pass stdin on, to a task whose process reads it.")
@click.option("-t", "--tty", is_flag=True, help="This terminal is the process's: its bytes come here as they are.")
@click.option("-c", "--container", default="", metavar="NAME", help="To the task's init task or sidecar of that name.")
@click.option("--sig-proxy", is_flag=True, help="Send it the signals that we get; without, Ctrl-C only detaches.")
def attach(task: str, stdin: bool, tty: bool, container: str, sig_proxy: bool) -> int:
    """Watch and feed the process that a task's container runs; when it ends, its exit code is ours.

    \b
      taskyard attach web
      taskyard attach -it shell           for a task whose process reads stdin

    Only what it writes from now on: `logs` has the rest. Ctrl-C (with -t: Ctrl-P Ctrl-Q) detaches, and it runs on.
    """
    if tty and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failed("-t needs a terminal, and this is none", "leave -t out, as for a pipe or a script")
    current = session()
    name = one_task((task,), "attach web")
    opening = OpenAttach(stdin=stdin, size=terminal.size() if tty else None)
    with current.client().console(current.namespace_or_default(), name, "attach", opening, container) as console:
        if sys.stderr.isatty():
            keys = "Ctrl-P Ctrl-Q detaches" if tty else "Ctrl-C twice detaches" if sig_proxy else "Ctrl-C detaches"
            note(f"attached to task/{name}: {keys}, and it runs on")
        try:
            code = terminal.converse(console, stdin=stdin, raw=tty, forward=sig_proxy)
        except KeyboardInterrupt:
            note(_DETACHED.format(name))
            raise
    if code is None:
        note(_DETACHED.format(name))
        return Exit.DONE
    return code
