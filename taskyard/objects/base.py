"""What every object that travels has in common: frozen, camelCase in JSON, defaults left out."""

from __future__ import annotations

import msgspec

API_VERSION = "taskyard/v1"


class Wire(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """A value in etcd or in an HTTP body. Unknown fields are an error: dropping them would lose data."""


class Metadata(Wire):
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
    """Not empty: a deletion was accepted at this time, and the object goes once its container has stopped."""
    source: str = ""
    """Who declares it: empty for apply and REST, `folder/<name>` for a watched folder. See controlplane/admission."""


class ObjectRef(Wire):
    """What an event is about."""

    kind: str
    name: str
    uid: str = ""
