"""What to say of a namespace in which nothing was found: that there is none of that name, and which was meant."""

from __future__ import annotations

import difflib

from taskyard.cli.kinds import OBJECTS, Kind
from taskyard.cli.shelf import shelf
from taskyard.client.api import Client
from taskyard.client.errors import ClientError
from taskyard.client.selection import Selection
from taskyard.keys import CLUSTER_NAMESPACE


def unknown(client: Client, namespace: str) -> str:
    """Nobody has to declare a namespace, so one does not exist when nothing is in it either. Empty: it does, or what
    was asked for was answered and this was not."""
    if namespace in ("", "default", CLUSTER_NAMESPACE):
        return ""
    inside = Selection(namespace)
    try:
        declared = [item.view.metadata.name for item in client.objects(Kind.NAMESPACE.names, Selection()).items]
        if namespace in declared:
            return ""
        if any(shelf(client, kind).find(inside).items for kind in OBJECTS if kind.namespaced):
            return ""
    except ClientError:
        return ""
    near = difflib.get_close_matches(namespace, [*declared, "default"], n=1)
    return f", which does not exist{f'; did you mean {near[0]}?' if near else '; see taskyard get namespaces'}"
