"""`taskyard completion`: the script that makes the shell ask `taskyard` what may come next."""

from __future__ import annotations

import click

from taskyard.cli.session import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion for a shell: commands, options, and the names of tasks and nodes.

    \b
      bash   source <(taskyard completion bash)      in ~/.bashrc
      zsh    source <(taskyard completion zsh)       in ~/.zshrc, after compinit
      fish   taskyard completion fish > ~/.config/fish/completions/taskyard.fish
    """
    from click.shell_completion import get_completion_class

    from taskyard.cli.main import COMPLETE_VARIABLE
    from taskyard.cli.root import root

    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(root, {}, "taskyard", COMPLETE_VARIABLE).source())
