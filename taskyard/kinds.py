"""The kinds that manifests declare: what each is called, where it is kept, how it is typed. One table of names.

Its schema is schemas/<singular>.json, its struct in taskyard/objects/kinds.py, its columns in taskyard/cli/rows.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["Task", "Service", "Job", "Cron", "Secret", "Config", "Namespace", "Volume", "Node"]


@dataclass(frozen=True, slots=True)
class KindNames:
    """`plural` is the first part of its keys and its path in the API. `short`: other ways to type it."""

    kind: Kind
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"


TABLE: tuple[KindNames, ...] = (
    KindNames("Task", "tasks", ("t", "ta")),
    KindNames("Service", "services", ("svc", "deployment", "deployments", "deploy")),
    KindNames("Job", "jobs", ("j",)),
    KindNames("Cron", "crons", ("cj", "cronjob", "cronjobs")),
    KindNames("Secret", "secrets", ("sec",)),
    KindNames("Config", "configs", ("cfg", "configmap", "configmaps", "cm")),
    KindNames("Namespace", "namespaces", ("ns",), namespaced=False),
    KindNames("Volume", "volumes", ("vol", "pv", "pvc")),
    KindNames("Node", "nodes", ("n", "no"), namespaced=False),
)
KINDS: tuple[Kind, ...] = tuple(names.kind for names in TABLE)
BY_KIND: dict[str, KindNames] = {names.kind: names for names in TABLE}
OBJECT_KINDS: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind != "Node")
"""Those that are kept whole under one key; what is known of a node is spread over several, with several writers."""
BY_PLURAL: dict[str, KindNames] = {names.plural: names for names in TABLE if names.kind != "Node"}
APPLY_ORDER: tuple[Kind, ...] = ("Namespace", "Node", "Secret", "Config", "Volume", "Service", "Job", "Cron", "Task")
"""What others need comes first."""
