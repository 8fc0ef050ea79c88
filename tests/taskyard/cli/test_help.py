"""Each command's help: an example at least, and none with a command or an option that there is not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from controlplane.__main__ import main as controlplane
from nodeagent.__main__ import main as agent
from simulator.__main__ import main as simulate
from taskyard.cli.commands.agent_drain import drain as agent_drain
from taskyard.cli.root import root
from taskyard.cli.usage import examples
from tests.taskyard.cli.conftest import Cli

_ELSEWHERE = {
    "taskyard controlplane": controlplane,
    "taskyard agent": agent,
    "taskyard agent drain": agent_drain,
    "taskyard simulate": simulate,
}
"""What these are is another program's, with its own options."""
_WITHOUT = ("taskyard completion",)
"""Its examples are lines for the shells' own files."""


def _context(command: click.Command, path: str) -> click.Context:
    """With the command's own settings: what its option for help is called is kept with it for good."""
    return click.Context(command, info_name=path, **command.context_settings)


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    context = _context(command, path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield f"{path} {name}", inner
            yield from _commands(inner, f"{path} {name}")


COMMANDS = {**dict(_commands(root, "taskyard")), **_ELSEWHERE}


def _all_examples() -> list[str]:
    """Of every command, with those of other commands that its help names, each in one line."""
    found = []
    for command in [root, *COMMANDS.values()]:
        text = re.sub(r"\\\n\s*", "", command.help or "")
        found += [
            line.strip() for line in text.splitlines() if re.match(r" +taskyard [a-z]", line) and "KIND/" not in line
        ]
    return [re.split(r" {2,}| \| | && ", line)[0] for line in found]


@pytest.mark.parametrize("path", [path for path in COMMANDS if path not in _WITHOUT])
def test_it_has_an_example(path: str) -> None:
    assert examples(COMMANDS[path], path)


@pytest.mark.parametrize("example", _all_examples())
def test_an_example_is_a_command_that_there_is(example: str) -> None:
    words = shlex.split(example)
    path = next(" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]) in ("taskyard", *COMMANDS))
    command = COMMANDS.get(path, root)
    rest = words[len(path.split()) :]
    command.make_parser(_context(command, path)).parse_args(rest)


@pytest.mark.parametrize("path", COMMANDS)
def test_each_option_says_what_it_takes(path: str) -> None:
    """Not `TEXT` or `FLOAT RANGE`, which name no unit."""
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{path} {parameter.opts}"
            shown = parameter.make_metavar(_context(COMMANDS[path], path))
            assert "RANGE" not in shown, f"{path} {parameter.opts}: {shown}"
            assert parameter.metavar or shown != "TEXT", f"{path} {parameter.opts}"


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        pytest.param(
            ["stats"],
            ["error: Missing argument '[KIND] NAME...'.", "hint: for example: taskyard stats web db"],
            id="an argument is missing",
        ),
        pytest.param(
            ["rollout", "undo"],
            ["error: Missing argument '[service] NAME'.", "hint: for example: taskyard rollout undo service/web"],
            id="of a command in a group",
        ),
        pytest.param(
            ["get", "tasks", "--sort-by", "age"],
            [
                "error: there is no option '--sort-by' of `taskyard get`",
                "hint: rows are in order of their names; for another: taskyard get tasks --no-headers | sort -k 5",
            ],
            id="another tool's option",
        ),
        pytest.param(
            ["apply", "-f", "web/", "-R"],
            [
                "error: there is no option '-R' of `taskyard apply`",
                "hint: a folder is read with all that is below it: leave this out",
            ],
            id="another tool's short option",
        ),
        pytest.param(
            ["job", "ls"],
            [
                "error: there is no command 'ls' of `taskyard job`",
                "hint: it is followed by one of dispatch, resume, run, status, suspend",
            ],
            id="another tool's second word",
        ),
        pytest.param(
            ["rollout"],
            [
                "error: say which: taskyard rollout is followed by one of abort, history, pause, promote, restart,"
                " resume, status, undo",
                "hint: for example: taskyard rollout status service/web",
            ],
            id="a group alone",
        ),
        pytest.param(
            ["get", "--watsh"],
            ["error: there is no option '--watsh' of `taskyard get`", "hint: did you mean --watch?"],
            id="a slip",
        ),
    ],
)
def test_a_command_line_that_is_refused_shows_what_to_type(cli: Cli, words: list[str], lines: list[str]) -> None:
    run = cli(*words)
    assert run.err.splitlines()[:2] == lines
    assert run.err.splitlines()[2:] == [f"hint: see '{_path(words)} -h'"]
    assert run.code == 1


def _path(words: list[str]) -> str:
    return " ".join(["taskyard", *(words if words[0] == "rollout" else words[:1])])


@pytest.mark.parametrize("words", [["scale", "x", "2"], ["scale", "x=2"]], ids=" ".join)
def test_scale_as_elsewhere(cli: Cli, words: list[str]) -> None:
    run = cli(*words)
    assert "say how many tasks the service is to have: --replicas N" in run.err
    assert "taskyard scale x --replicas 2" in run.err
    assert run.code == 1


def test_a_value_that_is_refused_says_what_is_taken(cli: Cli) -> None:
    """And shows no example, which has no such value."""
    run = cli("get", "tasks", "--at", "yesterday")
    assert "'yesterday' is no moment: write how long ago (10m, 1h30m), a moment (2026-11-22T20:57:48Z) or a" in run.err
    assert "for example" not in run.err
    assert run.code == 1
