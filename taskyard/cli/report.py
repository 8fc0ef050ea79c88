"""An error as a person reads it: what, where, why, what to do; on stderr, and an exit code for it.

It knows every kind of error that may reach the top; what it does not know is a bug, and is shown as one.
"""

from __future__ import annotations

import traceback

import click

from taskyard.cli.exits import Exit
from taskyard.cli.failure import Failed
from taskyard.cli.manifests import BadManifests
from taskyard.cli.usage import usage_lines
from taskyard.client.errors import ClientError, RequestRefused, ServerUnreachable, Violation
from taskyard.config import ConfigError


def report(error: Exception) -> int:
    """Prints it and returns the exit code."""
    for line in _lines(error):
        click.echo(line, err=True)
    return Exit.ERROR


def _lines(error: Exception) -> list[str]:
    if isinstance(error, click.UsageError):
        return usage_lines(error)
    if isinstance(error, click.ClickException):
        return [f"error: {error.format_message()}"]
    if isinstance(error, ClientError):
        return _client(error)
    if isinstance(error, Failed):
        return _with_hint(str(error), error.hint) if str(error) else []
    if isinstance(error, BadManifests):
        total = f"{_count(len(error.problems), 'problem')} in {_count(error.files, 'file')}"
        return [*str(error).splitlines(), f"error: {total}{'; ' if error.left else ''}{error.left}"]
    if isinstance(error, ConfigError):
        return [f"error: {problem}" for problem in error.problems]
    if isinstance(error, OSError) and error.filename is not None:
        return [f"error: {error.filename}: {error.strerror}"]
    if type(error).__module__.startswith("taskyard.local."):
        return [f"error: {error}"]
    return [
        *traceback.format_exception(error),
        "error: this is a bug in Taskyard; please report it with the lines above",
    ]


def _client(error: ClientError) -> list[str]:
    if isinstance(error, ServerUnreachable):
        return [f"error: {error}", *_how_to_reach(error)]
    if isinstance(error, RequestRefused):
        shown = [_violation(violation) for violation in error.problem.violations]
        return [*shown, *_with_hint(str(error), error.hint)]
    return _with_hint(str(error), error.hint)


def _how_to_reach(error: ServerUnreachable) -> list[str]:
    if error.hint:
        return [f"hint: {error.hint}"]
    if error.sent:
        return ["hint: it may have been carried out, or not; look (`taskyard get tasks`) and repeat it: that is safe"]
    return [
        "hint: start one on this machine with `taskyard up`, or say where it is: --server http://HOST:PORT,",
        "      or TASKYARD_HOST and TASKYARD_PORT in the environment",
    ]


def _violation(violation: Violation) -> str:
    where = violation.source
    if where and violation.line:
        where = f"{where}:{violation.line}" + (f":{violation.column}" if violation.column else "")
    parts = [part for part in (where, violation.path, violation.message) if part]
    hint = f" ({violation.hint})" if violation.hint else ""
    return ": ".join(parts) + hint


def _with_hint(message: str, hint: str) -> list[str]:
    return [f"error: {message}", *([f"hint: {hint}"] if hint else [])]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
