"""One service and its tasks, changed as the decisions say, on virtual time: what the tests of deciding stand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from controlplane.services.decide import Decision, Situation, decide
from controlplane.services.revise import revise
from controlplane.services.slots import SlotTask, new_task
from taskyard.objects import Metadata, Rollout, Service, ServiceSpec, Task, TaskSpec, TaskTemplate, Update
from taskyard.store.api import Entry

STARTS = 2.0
"""Seconds from a write until the task is ready."""


def a_service(image: str = "a:1", replicas: int = 3, update: Update | None = None, **spec: Any) -> Service:
    return Service(
        metadata=Metadata(name="web", uid="0" * 12, generation=1),
        spec=ServiceSpec(
            replicas=replicas, template=TaskTemplate(spec=TaskSpec(image=image)), update=update or Update(), **spec
        ),
    )


@dataclass
class World:
    """A task whose image is in `bad` fails. `tick` is one look, and one second."""

    service: Service
    bad: frozenset[str] = frozenset()
    gives_up: bool = False
    """A task that has failed once stays so, whatever is mended, until it is made anew."""
    given_up: set[str] = field(default_factory=set)
    """Their uids."""
    rollout: Rollout | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    """By slot, when its task was written."""
    now: float = 0.0
    progressed: float = 0.0
    led_since: float = 0.0
    """Who leads has counted since then."""
    unfetched: str = ""
    """Why nobody gets an image that a task has to wait for."""
    writes: int = 0
    fewest: int = 10**6
    """Ready tasks at any time, since `watch`."""
    most: int = 0
    """Tasks at any time, likewise."""

    def watch(self) -> None:
        self.fewest, self.most, self.writes = 10**6, 0, 0

    def apply(self, **spec: Any) -> None:
        """Another declaration; `image` is the template's."""
        if "image" in spec:
            template = self.service.spec.template
            image = spec.pop("image")
            spec["template"] = replace(template, spec=replace(template.spec, image=image))
        self.service = replace(self.service, spec=replace(self.service.spec, **spec))

    def images(self) -> dict[str, str]:
        return {slot: task.spec.image for slot, task in sorted(self.tasks.items(), key=lambda item: int(item[0]))}

    def ready(self, slot: str) -> bool:
        task = self.tasks[slot]
        fails = task.spec.image in self.bad or task.metadata.uid in self.given_up
        if fails and self.gives_up:
            self.given_up.add(task.metadata.uid)
        return self.now - self.since[slot] >= STARTS and not fails

    def look(self) -> Decision:
        self.rollout = revise(self.service, self.rollout, f"{self.now:09}")
        count = self.service.spec.replicas
        tasks = [self._seen(slot) for slot in sorted(self.tasks, key=int)]
        slots, spare = tuple(map(str, range(count))), tuple(map(str, range(count, count + 100)))
        return decide(
            Situation(self.service, self.rollout, slots, spare, tasks, stalled_for=self.now - self.progressed)
        )

    def tick(self) -> Decision:
        before = self.rollout
        decision = self.look()
        self.writes += len(decision.makes) + len(decision.changes) + len(decision.removes)
        self.writes += before != decision.rollout
        if decision.makes or decision.changes or decision.removes:
            self.progressed = self.now
        self.rollout = decision.rollout
        for make in decision.makes:
            self.tasks[make.slot] = new_task(
                self.service, make.template, make.slot, f"{make.slot}-{self.now}", f"{self.now:09}"
            )
            self.since[make.slot] = self.now
        for change in decision.changes:
            if change.task.spec != self.tasks[change.old.slot].spec:
                self.since[change.old.slot] = self.now
            self.tasks[change.old.slot] = change.task
        for gone in decision.removes:
            del self.tasks[gone.slot]
        self.now += 1.0
        self.fewest = min(self.fewest, sum(1 for slot in self.tasks if self.ready(slot)))
        self.most = max(self.most, len(self.tasks))
        return decision

    def run(self, ticks: int = 200) -> None:
        """Until nothing is decided any more, and time changes nothing."""
        for _ in range(ticks):
            before = self.rollout
            decision = self.tick()
            idle = not (decision.makes or decision.changes or decision.removes) and before == self.rollout
            if (
                idle
                and all(self.now - since > STARTS + 1 for since in self.since.values())
                and decision.again_in is None
            ):
                return
        raise AssertionError(f"still at it after {ticks} s: {self.rollout}")

    def _seen(self, slot: str) -> SlotTask:
        task, age = self.tasks[slot], self.now - self.since[slot]
        ready = self.ready(slot)
        fails = task.spec.image in self.bad or task.metadata.uid in self.given_up
        trouble = "failed: exit 1" if fails and age >= STARTS else ""
        seen = min(max(age - STARTS, 0.0), self.now - self.led_since)
        unfetched = "" if ready else self.unfetched
        return SlotTask(slot, task, Entry("", b"", 1, 1), ready, seen if ready else 0.0, trouble, unfetched=unfetched)
