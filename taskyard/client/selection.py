"""Which objects and which events are asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects: an empty namespace is all of them, an empty selector selects everything."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""

    def query(self) -> dict[str, str]:
        return {"namespace": self.namespace, "labelSelector": self.labels, "fieldSelector": self.fields}


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Empty: all. `owned`: also those about what the object owns, and about what a node runs. `since`: a moment before
    which they were not last seen."""

    namespace: str = ""
    kind: str = ""
    name: str = ""
    owned: bool = False
    type: str = ""
    since: str = ""

    @property
    def query(self) -> dict[str, str]:
        return {
            "namespace": self.namespace,
            "kind": self.kind,
            "name": self.name,
            "owned": "1" if self.owned else "",
            "type": self.type,
            "since": self.since,
        }
