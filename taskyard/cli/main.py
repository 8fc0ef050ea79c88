"""Where the process starts: runs the command and turns every way that it can end into an exit code.

click's own entry is not used: it prints at Ctrl-C and has other exit codes. Nothing is imported at the top but what
every run needs. Each error is printed once, by taskyard/cli/report.py; a traceback is shown only for a bug.
"""

from __future__ import annotations

import os
import sys

from taskyard.cli.exits import Exit

COMPLETE_VARIABLE = "_TASKYARD_COMPLETE"
"""Set by the shell's completion: what it asks for."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code; console script, so nothing escapes."""
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _abandon_stdout()
        return Exit.BROKEN_PIPE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _run(arguments: list[str]) -> int:
    import click

    from taskyard.cli.root import root

    if instruction := os.environ.get(COMPLETE_VARIABLE):
        from click.shell_completion import shell_complete

        return shell_complete(root, {}, "taskyard", COMPLETE_VARIABLE, instruction)
    try:
        with root.make_context("taskyard", list(arguments) or ["--help"]) as context:
            result = root.invoke(context)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:
        from taskyard.cli.report import report

        sys.stdout.flush()
        return report(error)
    return result if isinstance(result, int) else Exit.DONE


def _abandon_stdout() -> None:
    """So that the interpreter's own flush at exit does not meet the broken pipe again, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
