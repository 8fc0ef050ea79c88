"""Starts containers: made as the assignment says, checked once more against the store, and then started.

Errors that are answers (image missing, name taken, start refused) become outcomes to decide on; RuntimeUnavailable goes
to the caller, who retries. Called by the agent, in a lane.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from nodeagent.actions import CheckImage, CreateAndStart, RunHook, Start, StartSidecar
from nodeagent.checks.state import named
from nodeagent.container_env import Assigned
from nodeagent.container_spec import container_spec
from nodeagent.devices import Devices, DevicesTaken
from nodeagent.guard import Guard
from nodeagent.hooks import run_hook
from nodeagent.host_paths import PathRefused
from nodeagent.image_names import foreign, pinned
from nodeagent.looking import Looker
from nodeagent.memory import TaskMemory
from nodeagent.mounted_values import of_values
from nodeagent.names import MAIN, NETWORK, Owner, Run, run_of
from nodeagent.preparation import FilesUnwritten, NotAllowed, Preparer
from nodeagent.runtime.port import (
    PAUSE_IMAGE,
    ContainerInfo,
    ContainerSpec,
    ContainerState,
    ImageInfo,
    ImageMissing,
    NameConflict,
    PublishedPort,
    Runtime,
    RuntimeRefused,
    RuntimeUnavailable,
)
from nodeagent.situation import (
    HookRan,
    ImageAbsent,
    ImageHere,
    ImagePulled,
    NameTaken,
    NotYet,
    Outcome,
    PullFailed,
    SidecarFailed,
    SidecarImageAbsent,
    StartRefused,
)
from nodeagent.standing import Standing
from nodeagent.steps import at_step, joined
from nodeagent.unanswered import instead_of_a_start
from nodeagent.values import ValueMissing
from nodeagent.view import ContainerView
from taskyard import keys
from taskyard.clock import Clock
from taskyard.objects import TaskSpec
from taskyard.quantity import seconds
from taskyard.store.api import Store, StoreUnavailable


class NotCertain(RuntimeUnavailable):
    """The start has to wait: something it rests on does not hold at the moment."""


class Starter:
    def __init__(
        self,
        owner: Owner,
        runtime: Runtime,
        store: Store,
        view: ContainerView,
        standing: Standing,
        guard: Guard,
        clock: Clock,
        preparer: Preparer,
        devices: Devices,
        looker: Looker,
    ) -> None:
        self._owner = owner
        self._runtime = runtime
        self._store = store
        self._view = view
        self._standing = standing
        self._guard = guard
        self._clock = clock
        self._preparer = preparer
        self._devices = devices
        self._looker = looker

    def check_image(self, memory: TaskMemory, action: CheckImage) -> None:
        if self._found(memory, action.image):
            memory.outcome = ImageHere()

    def create_and_start(self, memory: TaskMemory, action: CreateAndStart) -> None:
        if memory.assignment is None:
            return
        try:
            assignment = at_step(memory.assignment, action.run.step)
            if action.run.step == NETWORK:
                self._make_pause_image()
            if _leaves_something(assignment.spec):
                self._view.has_belongings(memory.uid)  # Before they are made: what fails in between leaves them.
            published, begun = self._published(memory, action.run), self._has_begun(memory, action.run)
            prepared = self._preparer.prepare(assignment, published, files_stay=begun)
            wanted = assignment.spec.resources.generic
            prepared = replace(prepared, devices=self._devices.choose(memory.uid, wanted, self._view.all()))
            spec = container_spec(memory.assignment, action.run, self._owner, prepared)
            found = self._found(memory, spec.image)
            if found is None:
                self._devices.settled(memory.uid)
                return
            spec = msgspec.structs.replace(spec, image=pinned(spec.image, found))
            identity = self._create(memory, spec)
            if identity:
                self._view.saw(_as_created(identity, spec))
            # Not after an answer that was lost: then there may be a container that is not in the view.
            self._devices.settled(memory.uid)
            if identity and action.start:
                self._start(memory, action.run, _as_created(identity, spec), spec)
            elif identity:
                memory.outcome = None
        except (NotAllowed, PathRefused) as error:
            memory.outcome = StartRefused(str(error), "NotAllowed")
        except ValueMissing as error:
            memory.outcome = NotYet(error.reason, str(error))
        except DevicesTaken as error:
            memory.outcome = NotYet("DevicesTaken", str(error))
        except FilesUnwritten as error:
            memory.outcome = NotYet("FilesUnwritten", str(error))
        except StoreUnavailable as error:
            raise NotCertain(f"what the task needs could not be read: {error}") from error
        except NotCertain:
            raise  # Nothing was asked of the runtime, so there is nothing to look at.
        except RuntimeRefused as error:
            memory.outcome = StartRefused(str(error))
        except RuntimeUnavailable as error:
            # The call may have worked all the same.
            self._view.doubt(memory.uid, [action.run.container_name])
            self._wait_for_the_runtime(memory, error)

    def start(self, memory: TaskMemory, action: Start) -> None:
        containers, _ = self._view.of(memory.uid)
        found = next((one.info for one in containers if one.info.id == action.container), None)
        if memory.assignment is None or found is None:
            return
        # It was made by a create whose answer was lost, and its label says what it has.
        self._devices.settled(memory.uid)
        try:
            self._start(memory, action.run, found, container_spec(memory.assignment, action.run, self._owner))
        except NotCertain:
            raise  # As in `create_and_start`.
        except RuntimeUnavailable as error:
            self._view.doubt(memory.uid, [action.container])
            self._wait_for_the_runtime(memory, error)

    def run_hook(self, memory: TaskMemory, action: RunHook) -> None:
        containers, _ = self._view.of(memory.uid)
        found = next((one.info for one in containers if one.info.id == action.container), None)
        if found is not None:
            self._after_start(memory, found)

    def start_sidecar(self, memory: TaskMemory, action: StartSidecar) -> None:
        """What keeps it from starting is its own trouble, not the task's."""
        memory.outcome = None
        # It is the same container: when it is stopped again it is to have its signal and its grace period again.
        memory.signalled.pop(action.container, None)
        if action.container:
            self.start(memory, Start(action.run, action.container))
        else:
            self.create_and_start(memory, CreateAndStart(action.run))
        memory.outcome = _of_sidecar(action.run.step, memory.outcome)

    def _wait_for_the_runtime(self, memory: TaskMemory, error: RuntimeUnavailable) -> None:
        """Raises the error, unless it has come too often for that."""
        outcome = instead_of_a_start(memory, str(error))
        if outcome is None:
            raise error
        memory.outcome = outcome

    def _make_pause_image(self) -> None:
        if self._runtime.find_image(PAUSE_IMAGE) is None:
            try:
                self._runtime.make_pause_image()
            except RuntimeRefused as error:
                raise NotAllowed(str(error)) from error

    def _published(self, memory: TaskMemory, run: Run) -> Assigned:
        """The ports of the container whose network this one will have."""
        name = joined(memory.assignment.spec, run) if memory.assignment else ""
        holder = next((one.info for one in self._view.of(memory.uid)[0] if one.info.name == name), None)
        return {(port.container, port.protocol): port.host for port in holder.ports} if holder else {}

    def _has_begun(self, memory: TaskMemory, run: Run) -> bool:
        """The attempt's own container is there: what is made now is a sidecar beside it."""
        main = msgspec.structs.replace(run, step=MAIN)
        return any(one.run == main for one in self._view.of(memory.uid)[0])

    def _found(self, memory: TaskMemory, image: str) -> ImageInfo | None:
        """None, and the outcome says why, when no container can be made of it."""
        found = self._runtime.find_image(image)
        if found is None:
            memory.outcome = self._absent(memory, image)
        elif found.foreign:
            memory.outcome = NotYet("WrongPlatform", foreign(image, found))
            found = None
        return found

    def _absent(self, memory: TaskMemory, image: str) -> ImageAbsent | PullFailed:
        pulled = isinstance(memory.outcome, ImagePulled)
        return PullFailed(f"pulled, and yet image {image} is not on this node") if pulled else ImageAbsent()

    def _create(self, memory: TaskMemory, spec: ContainerSpec) -> str:
        """The new container's id; empty when there is none, or one that was there already and is in the view now."""
        try:
            return self._runtime.create(spec)
        except NameConflict:
            self._adopt(memory, spec)
        except ImageMissing:
            memory.outcome = self._absent(memory, spec.image)
        except RuntimeRefused as error:
            memory.outcome = StartRefused(str(error))
        return ""

    def _adopt(self, memory: TaskMemory, spec: ContainerSpec) -> None:
        """The name is deterministic, so a container that has it and our labels is this very attempt's."""
        found = self._runtime.inspect(spec.name)
        if found is None:
            raise RuntimeUnavailable(f"the name {spec.name} was taken and is free again")
        if run_of(self._owner, found.name, found.labels):
            self._view.saw(found)
        else:
            memory.outcome = NameTaken(
                f"a container named {spec.name} that is not Taskyard's is on this node: rename or remove it"
            )

    def _start(self, memory: TaskMemory, run: Run, created: ContainerInfo, spec: ContainerSpec) -> None:
        singleton = memory.assignment is not None and memory.assignment.spec.singleton
        if singleton and not self._guard.hold(created.id, spec.stop_signal):
            raise NotCertain("a singleton: it could not be stopped in time, should the lease expire")
        self._wait_for_ports(memory, spec)
        first = run.attempt == 1 and not created.started_at
        if not self._still_wanted(memory, certain=singleton or first):
            raise NotCertain("the assignment has changed; its news is on its way")
        try:
            self._runtime.start(created.id)
        except RuntimeRefused as error:
            memory.outcome = StartRefused(str(error))
            return
        if run.step == MAIN:
            self._after_start(memory, created)
        else:
            memory.outcome = None  # That its image was pulled says nothing of the next one's.
        if singleton and not self._guard.sees(created.id):
            self._prove_it_ended(memory, created)
        elif any(port.host == 0 for port in spec.ports) or _asks_its_address(memory):
            self._looker.look_at(memory.uid, created.id)
        else:
            self._view.saw(_as_started(created, spec, self._clock.now()))

    def _wait_for_ports(self, memory: TaskMemory, spec: ContainerSpec) -> None:
        """Those that a container of the task had, which has ended by the kernel's word, are the runtime's until it has
        taken the network down; what a look sees ended has none any more."""
        wanted = {(port.protocol, port.host) for port in spec.ports if port.host}
        held = [one.info.id for one in self._view.of(memory.uid)[0] if wanted & _still_has(one.info)]
        for container in held:
            self._looker.look_at(memory.uid, container)
        if any(wanted & _still_has(one.info) for one in self._view.of(memory.uid)[0]):
            raise NotCertain("the container runtime still holds the ports of the attempt before")

    def _after_start(self, memory: TaskMemory, container: ContainerInfo) -> None:
        hook = memory.assignment.spec.hooks.post_start if memory.assignment else None
        if hook is None:
            return
        failure = run_hook(self._runtime, container, hook, within=seconds(hook.timeout))
        memory.outcome = HookRan()
        if failure:
            self._runtime.kill(container.id, "SIGKILL")
            self._view.doubt(memory.uid, [container.id])
            memory.outcome = StartRefused(f"its postStart hook failed: {failure}", "PostStartFailed")

    def _prove_it_ended(self, memory: TaskMemory, created: ContainerInfo) -> None:
        """The watchdog finds no process of it: it has ended by itself, or could never be stopped."""
        self._looker.look_at(memory.uid, created.id)
        found = self._runtime.inspect(created.id)
        if found is not None and found.state is ContainerState.RUNNING and not self._guard.sees(created.id):
            self._runtime.kill(created.id, "SIGKILL")
            self._view.doubt(memory.uid, [created.id])
            memory.outcome = StartRefused(
                "a singleton has to be stopped when its node loses the lease, and its processes cannot be seen from"
                " the agent: run the agent in the host's PID namespace"
            )

    def _still_wanted(self, memory: TaskMemory, *, certain: bool) -> bool:
        """The last check before a start, against the store itself. A restart goes on while the store is away, unless
        it has to be `certain`."""
        if memory.entry is None:
            return False
        if certain and not self._standing.certain():
            raise NotCertain("the node's lease is not certain; the start waits until it is")
        try:
            current = self._store.get(keys.assignment(self._owner.node, memory.uid))
        except StoreUnavailable as error:
            if certain:
                raise NotCertain(f"the assignment could not be confirmed: {error}") from error
            return True
        return current is not None and current.mod_revision == memory.entry.mod_revision


def _leaves_something(spec: TaskSpec) -> bool:
    """A network, files or volumes that are to go with the task."""
    return bool(spec.network.group or of_values(spec)) or any(one.on_delete == "remove" for one in spec.volumes)


def _of_sidecar(step: int, outcome: Outcome | None) -> Outcome | None:
    """Its start's."""
    match outcome:
        case ImageAbsent():
            return SidecarImageAbsent(step)
        case NotYet() | StartRefused() | NameTaken() | PullFailed():
            return SidecarFailed(step, outcome.message)
        case _:
            return outcome


def _asks_its_address(memory: TaskMemory) -> bool:
    if memory.assignment is None:
        return False
    spec = memory.assignment.spec
    asked = (spec.checks, *(one.checks for one in spec.sidecars))
    return bool(spec.metrics) or any(check.http or check.tcp for checks in asked for check in named(checks).values())


def _still_has(info: ContainerInfo) -> set[tuple[str, int]]:
    """Ports of one that has ended."""
    ended = info.state is ContainerState.EXITED
    return {(port.protocol, port.host) for port in info.ports} if ended else set()


def _as_created(identity: str, spec: ContainerSpec) -> ContainerInfo:
    return ContainerInfo(
        identity,
        spec.name,
        spec.labels,
        ContainerState.CREATED,
        stop_signal=spec.stop_signal,
        stop_grace=spec.stop_grace,
        image=spec.image,
    )


def _as_started(created: ContainerInfo, spec: ContainerSpec, now: float) -> ContainerInfo:
    """What an inspect would say, without the call: it takes dockerd longer than all the rest of the report."""
    return msgspec.structs.replace(
        created,
        state=ContainerState.RUNNING,
        started_at=now,
        health="starting" if spec.probe else "",
        ports=tuple(
            PublishedPort(port.container, port.protocol, port.host, port.address)
            for port in spec.ports
            if port.host and spec.network.mode == "bridge"
        ),
    )
