"""What has to be found out on the node right before a container is created, or be refused there.

Called in a lane by effects; asks the runtime and the file system. What comes of it goes into container_spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nodeagent.allowance import NOTHING_MORE, Allowance
from nodeagent.container_env import Assigned, ports_to_choose
from nodeagent.devices import Device
from nodeagent.host_paths import HostPaths
from nodeagent.mounted_values import of_values, settings, source
from nodeagent.names import Owner, group_labels
from nodeagent.runtime.port import Runtime
from nodeagent.value_files import Files, FilesRefused
from nodeagent.values import read_data, read_values
from taskyard.objects import Assignment
from taskyard.store.api import Store


@dataclass(frozen=True, slots=True)
class Preparation:
    ports: Assigned = field(default_factory=dict)
    """Automatic host ports that had to be chosen."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """The real path of each path of the node that is mounted."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Of the files of each Secret or Config that is mounted, by target."""
    devices: tuple[Device, ...] = ()
    """Of the node, that it gets."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of Secrets and Configs, by the variable that they go into."""


NOTHING_PREPARED = Preparation()


class FilesUnwritten(Exception):
    """The disk or the memory has no room for them, or does not let us."""


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
        files: Files | None = None,
    ) -> None:
        self._owner = owner
        self._runtime = runtime
        self._store = store
        self._allowance = allowance
        self._files = files
        self._paths = HostPaths(allowance.host_paths, never)

    def prepare(self, assignment: Assignment, published: Assigned, *, files_stay: bool = False) -> Preparation:
        """`published`: where its ports are already, by another container. `files_stay`: those of its Secrets and
        Configs that are there are another container's, which has to hear of a change as it asks for. Raises
        NotAllowed, PathRefused, FilesUnwritten, ValueMissing, RuntimeUnavailable, StoreUnavailable."""
        refusal = self._allowance.refusal(assignment.spec)
        if refusal:
            raise NotAllowed(refusal)
        for network in group_labels(self._owner, assignment.namespace, assignment.spec.network.group).values():
            self._runtime.make_network(network, self._owner.labels)
        return Preparation(
            ports=published
            or {
                (port.container, port.protocol): self._runtime.free_port(port.protocol, port.address)
                for port in ports_to_choose(assignment.spec)
            },
            paths=self._paths.resolve(assignment.spec),
            values=read_values(self._store, assignment),
            folders=self._folders(assignment, files_stay),
        )

    def with_files(self) -> list[str]:
        """The uids of tasks that have files here, perhaps from an agent before this one."""
        return self._files.uids() if self._files else []

    def clear(self, uid: str) -> None:
        """Removes the files of its Secrets and Configs."""
        if self._files:
            self._files.remove(uid)

    def _folders(self, assignment: Assignment, files_stay: bool) -> dict[str, str]:
        found = {}
        for volume in of_values(assignment.spec):
            there = self._files.folder(assignment.uid, volume.target) if self._files and files_stay else None
            if there is not None:
                found[volume.target] = str(there)
                continue
            data = read_data(self._store, source(assignment, volume))
            if self._files is None:
                raise NotAllowed("this agent keeps no files of Secrets and Configs")
            try:
                folder = self._files.write(assignment.uid, volume.target, data, settings(volume))
            except (FilesRefused, OSError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise FilesUnwritten(f"the files for {volume.target} cannot be written: {reason}") from error
            found[volume.target] = str(folder)
        return found
