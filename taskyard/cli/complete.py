"""Dynamic completion: kinds, and the names that the server knows. It answers within a second, or with nothing.

Called by click when the shell asks. An error of any kind means no suggestions: a completion must never print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from click import Context, Parameter
from click.shell_completion import CompletionItem

from taskyard.cli.kinds import DECLARED, KIND_NAMES, OBJECTS, Kind, find_kind
from taskyard.cli.session import Session

if TYPE_CHECKING:
    from taskyard.client.api import Client

PATIENCE = 0.5
"""Seconds to connect, and again to answer."""


def kinds_and_names(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """First word: a kind, `kind/name`, or a task; after a kind its names."""
    words = context.params.get(parameter.name or "") or ()
    kind = find_kind(words[0]) if words else None
    if kind is not None:
        return _matching(_names(context, kind), incomplete)
    prefix, slash, name = incomplete.partition("/")
    if slash and (named := find_kind(prefix)):
        return [CompletionItem(f"{prefix}/{item}") for item in _names(context, named) if item.startswith(name)]
    kinds = [] if words else list(KIND_NAMES)
    return _matching([*kinds, *_names(context, Kind.TASK)], incomplete)


def task_names(context: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    return _matching(_names(context, Kind.TASK), incomplete)


def node_names(context: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    return _matching(_names(context, Kind.NODE), incomplete)


def service_names(context: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    return _matching(_names(context, Kind.SERVICE), incomplete)


def job_names(context: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    return _matching(_names(context, Kind.JOB), incomplete)


def objects(context: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """`task/web`, `node/n1`"""
    named = [f"{kind}/{name}" for kind in DECLARED for name in _names(context, kind)]
    return _matching(named, incomplete)


def namespaces(context: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    from taskyard.client.errors import ClientError

    try:
        tasks = _client(context).tasks().items
    except (ClientError, ValueError):
        return []
    return _matching(sorted({item.view.metadata.namespace for item in tasks}), incomplete)


def _matching(names: list[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _names(context: Context, kind: Kind) -> list[str]:
    from taskyard.client.errors import ClientError
    from taskyard.client.selection import Selection

    try:
        client = _client(context)
        if kind is Kind.NODE:
            return [item.view.metadata.name for item in client.nodes().items]
        if kind in OBJECTS:
            namespace = context.ensure_object(Session).namespace_or_default()
            everywhere = context.params.get("all_namespaces")
            listed = client.objects(kind.names, Selection("" if everywhere else namespace))
            return [item.view.metadata.name for item in listed.items]
    except (ClientError, ValueError):
        return []
    return []


def _client(context: Context) -> Client:
    from taskyard.client.transport import Timeouts

    return context.ensure_object(Session).client(Timeouts(connect=PATIENCE, read=PATIENCE))
