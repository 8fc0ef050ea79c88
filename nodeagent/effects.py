"""Carries out what decide.py asks of the runtime, and notes what came of it in the view and in the task's memory.

Each method is one named effect, so that a test can stop the agent between any two. Here is what ends containers and
clears away after them; what starts them is `starting.py`'s, and what looks at them `looking.py`'s. RuntimeUnavailable
goes to the caller, who retries.
"""

from __future__ import annotations

import contextlib

from nodeagent.actions import Drain, Happening, Hold, Remove, Signal
from nodeagent.devices import Devices
from nodeagent.guard import Guard
from nodeagent.hooks import pre_stop, run_hook
from nodeagent.looking import Looker
from nodeagent.memory import TaskMemory
from nodeagent.names import GROUP, UID, Owner, uid_of
from nodeagent.preparation import Preparer
from nodeagent.runtime.port import Runtime, RuntimeFault, RuntimeRefused
from nodeagent.situation import Signalled
from nodeagent.standing import Standing
from nodeagent.starting import Starter
from nodeagent.view import ContainerView
from taskyard.clock import Clock
from taskyard.store.api import Store


class Effects:
    def __init__(
        self,
        owner: Owner,
        runtime: Runtime,
        store: Store,
        view: ContainerView,
        standing: Standing,
        guard: Guard,
        clock: Clock,
        preparer: Preparer | None = None,
        devices: Devices | None = None,
    ) -> None:
        self._owner = owner
        self._runtime = runtime
        self._view = view
        self._guard = guard
        self._clock = clock
        self._preparer = preparer or Preparer(owner, runtime, store)
        self._devices = devices or Devices()
        self.looker = Looker(runtime, view, guard)
        self.starter = Starter(
            owner, runtime, store, view, standing, guard, clock, self._preparer, self._devices, self.looker
        )

    def hold(self, memory: TaskMemory, action: Hold) -> None:
        """It runs already: this agent is new, or the watchdog has died."""
        assignment = memory.assignment
        if assignment is None:
            return
        held = self._guard.hold(action.container, assignment.spec.stop.signal)
        if not (held and self._guard.sees(action.container)):
            self._runtime.kill(action.container, "SIGKILL")
        self._view.doubt(memory.uid, [action.container])

    def drain(self, memory: TaskMemory, action: Drain) -> None:
        """Touches nothing."""
        memory.signalled[action.container] = Signalled("", self._clock.monotonic())

    def signal(self, memory: TaskMemory, action: Signal) -> None:
        asked = self._clock.monotonic()
        if action.signal != "SIGKILL":
            self._before_stop(memory, action.container)
        self._runtime.kill(action.container, action.signal)
        memory.signalled[action.container] = Signalled(action.signal, asked)
        if action.signal == "SIGKILL":
            self._view.doubt(memory.uid, [action.container])

    def _before_stop(self, memory: TaskMemory, container: str) -> None:
        """Once: a container that has had its signal is not asked again."""
        containers, _ = self._view.of(memory.uid)
        found = next((one.info for one in containers if one.info.id == container), None)
        hook = pre_stop(found.labels) if found else None
        if found is None or hook is None:
            return
        grace = memory.assignment.grace_period if memory.assignment else None
        failure = run_hook(self._runtime, found, hook, within=found.stop_grace if grace is None else grace)
        if failure:
            memory.remarks.append(Happening("PreStopFailed", f"its preStop hook failed: {failure}", warning=True))

    def remove(self, memory: TaskMemory, action: Remove) -> None:
        try:
            self._runtime.remove(action.container, force=action.force)
        except RuntimeFault:
            # It may be gone all the same, or somebody may have started it again.
            self._view.doubt(memory.uid, [action.container])
            raise
        self._guard.release(action.container)
        self._view.gone(memory.uid, action.container)
        memory.signalled.pop(action.container, None)

    def with_belongings(self) -> set[str]:
        """The uids of tasks that have volumes or files here, perhaps from an agent before this one."""
        volumes = self._runtime.volumes(self._owner.labels)
        return {uid for one in volumes if (uid := uid_of(self._owner, one.labels))} | set(self._preparer.with_files())

    def forget(self, memory: TaskMemory) -> None:
        """The task has nothing left here."""
        self._devices.settled(memory.uid)

    def tidy(self, memory: TaskMemory) -> None:
        """Removes its files, the volumes that it made and networks that nobody is on. What somebody has stays."""
        self._preparer.clear(memory.uid)
        for volume in self._runtime.volumes(self._owner.labels | {UID: memory.uid}):
            try:
                self._runtime.remove_volume(volume.name)
            except RuntimeRefused as error:
                memory.remarks.append(Happening("VolumeKept", f"volume {volume.name} stays: {error}", warning=True))
        for network in self._runtime.networks(self._owner.labels):
            if not self._runtime.list(self._owner.labels | {GROUP: network}):
                with contextlib.suppress(RuntimeRefused):
                    self._runtime.remove_network(network)
        self._view.has_no_belongings(memory.uid)
