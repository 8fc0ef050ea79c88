"""What one run of the command line was told about the server and the namespace, and the client that follows from it.

The options are shared: they may stand before the command or after it, and the later one wins. Nothing is resolved and
nothing connects until a command asks for the client.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from taskyard.client.api import Client
    from taskyard.client.transport import Timeouts

CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@dataclass(slots=True)
class Session:
    """Filled in by the options as they are parsed."""

    server: str | None = None
    host: str | None = None
    port: int | None = None
    config: str | None = None
    verbose: bool = False
    namespace: str | None = None
    warned: bool = False

    def url(self) -> str:
        """--server, or where --host, --port, the environment, the configuration file and the defaults say it is."""
        if self.server is not None:
            return self.server
        from taskyard.config import load

        settings = load({"host": self.host, "port": self.port}, os.environ, self.config)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"http://{host}:{settings.port}"

    def client(self, timeouts: Timeouts | None = None, *, at: str | None = None) -> Client:
        """`at`: for looking at objects as they were then."""
        from taskyard.client.api import Client

        return Client(self.url(), timeouts, trace=_trace if self.verbose else None, at=at or "", warn=self._warn)

    def _warn(self, words: str) -> None:
        """Once, however many answers a command needs."""
        if not self.warned:
            self.warned = True
            click.echo(f"warning: {words}", err=True)

    def namespace_or_default(self) -> str:
        return self.namespace or "default"


def session() -> Session:
    """The one of the command that runs."""
    return click.get_current_context().ensure_object(Session)


class Command(click.Command):
    """A command that takes the shared options after its name, too; `namespaced` ones show -n among their own."""

    def __init__(
        self,
        name: str | None,
        *,
        params: list[click.Parameter] | None = None,
        namespaced: bool = False,
        **attributes: Any,
    ) -> None:
        settings = {**CONTEXT_SETTINGS, **attributes.pop("context_settings", {})}
        own = [*(params or []), namespace_option(hidden=not namespaced), *connection_options(hidden=True)]
        super().__init__(name, params=own, context_settings=settings, **attributes)


def connection_options(*, hidden: bool) -> list[click.Parameter]:
    return [
        _shared(["--server"], hidden, metavar="URL", help="Where the API is: http://HOST:PORT."),
        _shared(["--host"], hidden, metavar="HOST", help="Its host (else TASKYARD_HOST, else localhost)."),
        _shared(
            ["--port"],
            hidden,
            type=click.IntRange(1, 65535),
            metavar="PORT",
            help="Its port (else TASKYARD_PORT, else 8080).",
        ),
        _shared(
            ["--config"],
            hidden,
            type=click.Path(),
            metavar="FILE",
            help="A TOML file with settings (else TASKYARD_CONFIG).",
        ),
        _shared(["--verbose", "-v"], hidden, is_flag=True, help="Show each request, on stderr."),
    ]


def namespace_option(*, hidden: bool) -> click.Parameter:
    return _shared(["--namespace", "-n"], hidden, metavar="NS", help="The namespace (else 'default').")


def _shared(names: list[str], hidden: bool, **attributes: Any) -> click.Option:
    """A new one each time, as a parameter belongs to its command. What it gets goes into the session."""

    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value not in (None, False) and parameter.name is not None:
            setattr(context.ensure_object(Session), parameter.name, value)

    return click.Option(names, hidden=hidden, callback=keep, expose_value=False, **attributes)


def _trace(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)
