"""What has to be found out on the node right before a container is created, or be refused there.

Called in a lane by effects; asks the runtime and the file system. What comes of it goes into container_spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nodeagent.allowance import NOTHING_MORE, Allowance
from nodeagent.container_env import Assigned, ports_to_choose
from nodeagent.host_paths import HostPaths
from nodeagent.names import Owner, group_labels
from nodeagent.runtime.port import Runtime
from nodeagent.values import read_values
from taskyard.objects import Assignment
from taskyard.store.api import Store


@dataclass(frozen=True, slots=True)
class Preparation:
    ports: Assigned = field(default_factory=dict)
    """Automatic host ports that had to be chosen."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """The real path of each path of the node that is mounted."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of Secrets and Configs, by the variable that they go into."""


NOTHING_PREPARED = Preparation()


class NotAllowed(Exception):
    """The node's operator has not agreed to what the task asks for; the message says what to do."""


class Preparer:
    def __init__(
        self,
        owner: Owner,
        runtime: Runtime,
        store: Store,
        allowance: Allowance = NOTHING_MORE,
        never: tuple[str, ...] = (),
    ) -> None:
        self._owner = owner
        self._runtime = runtime
        self._store = store
        self._allowance = allowance
        self._paths = HostPaths(allowance.host_paths, never)

    def prepare(self, assignment: Assignment) -> Preparation:
        """Raises NotAllowed, PathRefused, ValueMissing, RuntimeUnavailable, StoreUnavailable."""
        refusal = self._allowance.refusal(assignment.spec)
        if refusal:
            raise NotAllowed(refusal)
        for network in group_labels(self._owner, assignment.namespace, assignment.spec.network.group).values():
            self._runtime.make_network(network, self._owner.labels)
        return Preparation(
            ports={
                (port.container, port.protocol): self._runtime.free_port(port.protocol, port.address)
                for port in ports_to_choose(assignment.spec)
            },
            paths=self._paths.resolve(assignment.spec),
            values=read_values(self._store, assignment),
        )
