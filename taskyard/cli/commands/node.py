"""`cordon`, `uncordon`, `gone`, `label`, `taint`: an operator's word about a node."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click

from taskyard.annotations import CHANGED_BY, OUT_OF_SERVICE, but_who
from taskyard.cli import complete
from taskyard.cli.failure import Failed
from taskyard.cli.kinds import Kind, find_kind, read_targets
from taskyard.cli.person import login_name
from taskyard.cli.session import Command, session
from taskyard.client.api import Client
from taskyard.client.views import NodeView, TaintView
from taskyard.tolerations import DRAIN

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


@click.command(cls=Command)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=complete.node_names)
def cordon(nodes: tuple[str, ...]) -> None:
    """Place nothing new on a node; what runs there stays.

    \b
      taskyard cordon n1
      taskyard uncordon n1        undoes it
    """
    client = session().client()
    for name in node_names(nodes, "cordon n1"):
        set_node(client, client.node(name).view, {"cordoned": True}, "cordoned")


@click.command(cls=Command)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=complete.node_names)
def uncordon(nodes: tuple[str, ...]) -> None:
    """Let a node take new tasks again, also after a drain, or in the middle of one.

    \b
      taskyard uncordon n1
    """
    client = session().client()
    for name in node_names(nodes, "uncordon n1"):
        before = client.node(name).view
        taints = changed_taints(list(before.spec.taints), f"{DRAIN}-")
        set_node(client, before, {"cordoned": False, "drain": None, "taints": taints}, "uncordoned")


@click.command(cls=Command)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=complete.node_names)
@click.option("--undo", is_flag=True, help="It is not gone after all.")
def gone(nodes: tuple[str, ...], undo: bool) -> None:
    """Say that lost nodes are gone for good: what ran there is placed elsewhere, also after a mass loss.

    \b
      taskyard gone n1 n2 n3
      taskyard gone n1 --undo

    While more than half of the nodes vanish at once nothing of theirs is placed again, as they are rather cut off than
    gone; who knows better says so. It counts only while a node is lost, and is refused for one that is there. Make sure
    that it does not run: what runs on a node that is only cut off runs twice then.
    """
    client = session().client()
    names = node_names(nodes, "gone n1")
    found = [client.node(name).view for name in names]
    there = [f"node/{each.metadata.name}" for each in found if each.status.address]
    if there and not undo:
        raise Failed(
            f"{' and '.join(there)} {'are' if len(there) > 1 else 'is'} there: the agent renews its lease",
            "to empty a node that runs: taskyard drain; nothing was said of any",
        )
    for before in found:
        said = {OUT_OF_SERVICE: None if undo else "true"}
        set_node(client, before, {}, "not gone" if undo else "gone for good", said)


@click.command(cls=Command)
@click.argument(
    "words", nargs=-1, required=True, metavar="NODE... KEY=VALUE|KEY-...", shell_complete=complete.node_names
)
@click.option("--overwrite", is_flag=True, help="Replace a label that has another value.")
def label(words: tuple[str, ...], overwrite: bool) -> None:
    """Set or remove a node's labels.

    \b
      taskyard label node n1 disk=ssd zone=a
      taskyard label node n1 zone-             removes it
    """
    nodes, changes = _split(words, "label node n1 disk=ssd")
    client = session().client()
    for name in nodes:
        before = client.node(name).view
        patch: dict[str, str | None] = {}
        for change in changes:
            key, value = (change[:-1], None) if change.endswith("-") and "=" not in change else _pair(change)
            present = before.spec.labels.get(key)
            if value is not None and present not in (None, value) and not overwrite:
                raise Failed(f"node/{name} has {key}={present} already", "replace it with --overwrite")
            patch[key] = value
        set_node(client, before, {"labels": patch}, "labeled")


@click.command(cls=Command)
@click.argument(
    "words", nargs=-1, required=True, metavar="NODE... KEY[=VALUE]:EFFECT|KEY-...", shell_complete=complete.node_names
)
def taint(words: tuple[str, ...]) -> None:
    """Set or remove a node's taints. EFFECT is NoSchedule, PreferNoSchedule or NoExecute.

    \b
      taskyard taint node n1 dedicated=db:NoSchedule
      taskyard taint node n1 dedicated-        removes every taint of that key
    """
    nodes, changes = _split(words, "taint node n1 dedicated=db:NoSchedule")
    client = session().client()
    for name in nodes:
        before = client.node(name).view
        taints = list(before.spec.taints)
        for change in changes:
            taints = changed_taints(taints, change)
        set_node(client, before, {"taints": taints}, "tainted")


def changed_taints(taints: list[TaintView], change: str) -> list[TaintView]:
    """`key=value:Effect` sets, `key-` and `key:Effect-` remove. A key has one taint for each effect."""
    text, removal = (change[:-1], True) if change.endswith("-") else (change, False)
    pair, colon, effect = text.partition(":")
    key, _, value = pair.partition("=")
    if (colon and effect not in EFFECTS) or not key or (not colon and not removal):
        raise Failed(
            f"'{change}' is not a taint",
            f"write KEY=VALUE:EFFECT (or KEY- to remove it); effects: {', '.join(EFFECTS)}",
        )
    kept = [one for one in taints if one.key != key or (colon and one.effect != effect)]
    return kept if removal else [*kept, TaintView(key, value, effect)]


def node_names(words: tuple[str, ...], example: str) -> list[str]:
    """`n1`, `node/n1` and `node n1`. Failed for what is no node."""
    targets = read_targets(words if find_kind(words[0]) else ("node", *words))
    for target in targets:
        if target.kind is not Kind.NODE or not target.name:
            raise Failed(f"{target} is not a node", f"for example: taskyard {example}")
    return [target.name for target in targets]


def set_node(
    client: Client,
    before: NodeView,
    spec: dict[str, Any],
    done: str,
    annotations: Mapping[str, str | None] = MappingProxyType({}),
) -> None:
    """Changes these fields of a node's spec, and says `done` if that changed anything; who did it is noted with it."""
    if "taints" in spec:
        spec["taints"] = [{"key": one.key, "value": one.value, "effect": one.effect} for one in spec["taints"]]
    told = {"annotations": {CHANGED_BY: login_name() or None, **annotations}}
    after = client.patch_node(before.metadata.name, {"metadata": told, "spec": spec}).view
    changed = after.spec != before.spec or but_who(after.metadata.annotations) != but_who(before.metadata.annotations)
    result = done if changed else "unchanged"
    click.echo(f"node/{before.metadata.name} {result}")


def _split(words: tuple[str, ...], example: str) -> tuple[list[str], list[str]]:
    """Names of nodes first, then what to change. `node` may stand before the names, as with kubectl."""
    is_change = [("=" in word or ":" in word or word.endswith("-")) for word in words]
    first = is_change.index(True) if True in is_change else len(words)
    names, changes = list(words[:first]), list(words[first:])
    if names and names[0] in ("node", "nodes", "no") and len(names) > 1:
        names = names[1:]
    names = [name.removeprefix("node/") for name in names]
    if not names or not changes or not all(is_change[first:]):
        raise Failed("name the node, then what to change", f"for example: taskyard {example}")
    if names[0] in ("task", "tasks") or names[0].startswith("task/"):
        raise Failed(f"only nodes can be changed like this, not {Kind.TASK.plural}", "change the manifest and apply it")
    return names, changes


def _pair(change: str) -> tuple[str, str]:
    key, equals, value = change.partition("=")
    if not equals or not key:
        raise Failed(f"'{change}' is not a label", "write KEY=VALUE, or KEY- to remove it")
    return key, value
