"""What every object that travels has in common: frozen, camelCase in JSON, defaults left out."""

from __future__ import annotations

from typing import Literal

import msgspec

API_VERSION: Literal["taskyard/v1"] = "taskyard/v1"


def api_version() -> Literal["taskyard/v1"]:
    """As a field's default_factory: unlike a plain default, it is written out, so a value says what it is."""
    return API_VERSION


class Wire(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """A value in etcd or in an HTTP body. Unknown fields are an error: dropping them would lose data.

    Values are trees, never cycles: the garbage collector need not look at the hundreds of thousands in a cache.
    """


class Owner(Wire, frozen=True, kw_only=True):
    """The object in the same namespace that made this one, keeps it as it is to be, and takes it along when it goes."""

    kind: str
    name: str
    uid: str


class Metadata(Wire, frozen=True, kw_only=True):
    """Who an object is. The first four fields are the user's; the others are the server's."""

    name: str
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    uid: str = ""
    """Set once at creation, never used again: 12 lower-case hex digits."""
    generation: int = 0
    """Rises by one with each change of the spec."""
    created_at: str = ""
    deletion_timestamp: str = ""
    """Not empty: a deletion was accepted at this time, and the object goes once all that hangs on it is gone."""
    source: str = ""
    """Who declares it: empty for apply and REST, `folder/<name>` for a watched folder. See controlplane/admission."""
    owner: Owner | None = None
    """What a controller made for another object; nobody else changes it."""
    defaulted: list[str] = []
    """Fields of the spec that its author did not write: they are from its namespace's defaults."""


class ObjectRef(Wire, frozen=True, kw_only=True):
    """What an event is about."""

    kind: str
    name: str
    uid: str = ""
