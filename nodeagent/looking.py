"""Looks at containers whose state is in doubt, and notes in the view what was seen. Called by the agent, in a lane."""

from __future__ import annotations

from nodeagent.actions import Look
from nodeagent.guard import Guard
from nodeagent.memory import TaskMemory
from nodeagent.runtime.port import ContainerState, Runtime
from nodeagent.view import ContainerView


class Looker:
    def __init__(self, runtime: Runtime, view: ContainerView, guard: Guard) -> None:
        self._runtime = runtime
        self._view = view
        self._guard = guard

    def look(self, memory: TaskMemory, action: Look) -> None:
        self._view.about_to_look(memory.uid, action.containers)
        left = list(action.containers)
        try:
            while left:
                self.look_at(memory.uid, left[0])
                left.pop(0)
        finally:
            self._view.doubt(memory.uid, left)

    def look_at(self, uid: str, container: str) -> None:
        info = self._runtime.inspect(container)
        if info is None:
            self._view.gone(uid, container)
            return
        self._view.saw(info)
        if info.state in (ContainerState.EXITED, ContainerState.DEAD):
            if info.id in self._guard.held:
                # Was it the watchdog? Its word decides whether this counts as the task's own end.
                self._guard.ask()
            if info.id in self._guard.condemned and info.started_at:
                self._guard.ended(info.id)
