"""Values of Secrets and Configs that a task's environment names, read from the store before a container is created.

They are never written anywhere by the agent, and never logged: messages name the object and the key. Called by
preparation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import Assignment, BadValue, Config, EnvSource, Secret, decode
from taskyard.store.api import Store

_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z._-]{0,252}", re.ASCII)


class ValueMissing(Exception):
    """The message says which; `reason` is one word for the status."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_values(store: Store, assignment: Assignment) -> dict[str, str]:
    """By variable. Raises ValueMissing for the first that is not to be had, StoreUnavailable."""
    objects: dict[ObjectKey, Mapping[str, str]] = {}
    found: dict[str, str] = {}
    for variable, source in assignment.spec.env_from.items():
        if not source.field:
            key = _key(source, assignment.namespace)
            if key not in objects:
                objects[key] = read_data(store, key)
            if source.key not in objects[key]:
                raise ValueMissing(f"{key.kind}Missing", f"{key.label} has no key {source.key!r}")
            found[variable] = objects[key][source.key]
    return found


def _key(source: EnvSource, namespace: str) -> ObjectKey:
    return ObjectKey("Secret" if source.secret else "Config", namespace, source.secret or source.config)


def read_data(store: Store, key: ObjectKey) -> Mapping[str, str]:
    """Of one Secret or Config. Raises ValueMissing, StoreUnavailable."""
    entry = store.get(keys.object_key(key))
    if entry is None:
        raise ValueMissing(f"{key.kind}Missing", f"there is no {key.label}: apply it")
    try:
        value = decode(entry.value, Secret if key.kind == "Secret" else Config)
    except BadValue as error:
        # Without its words: they may quote the value.
        raise ValueMissing(f"{key.kind}Missing", f"{key.label} cannot be read: apply it again") from error
    assert isinstance(value, Secret | Config)
    if not all(map(_NAME.fullmatch, value.spec.data)):
        # Put by hand: admission lets none through. As a file it might be anywhere.
        raise ValueMissing(f"{key.kind}Missing", f"{key.label} has a key that is no name: apply it again")
    return value.spec.data
