"""The whole cluster of one seed: what runs, what it runs on, and one run of it, from first apply to last check."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from traceback import format_exception

from controlplane.cluster.readings import Readings
from nodeagent.runtime.port import ContainerInfo, ContainerState
from nodeagent.watchdog.sentinel import EAGER
from simulator.beside import check_over
from simulator.calls import check_call
from simulator.checker import Checker
from simulator.clocks import MachineClock
from simulator.driver import Actor, Driver, Escaped, HotLoop, Process
from simulator.hooks import check_told
from simulator.lists import LISTED_EVERY, list_all
from simulator.news import News, news_of
from simulator.node import AgentProcess, Host
from simulator.operators import Operator
from simulator.outcome import Outcome
from simulator.plane import PlaneProcess
from simulator.published import LOOKED_AT, formats
from simulator.registry import Registry
from simulator.reports import reports
from simulator.retained import Retained, retention
from simulator.settings import Settings
from simulator.settled import EMPTIED, QUIET, SETTLE, SWEPT, check_settled, restless, slow_to_settle
from simulator.singletons import TOO_LATE, check_alone
from simulator.storage import COMPACT_EVERY, Storage
from simulator.story import Story, Violation
from simulator.trouble import Trouble, heal_all
from simulator.uncollected import uncollected
from simulator.unforeseen import Unforeseen
from simulator.users import Users
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.objects import NodeSpec, encode
from taskyard.store.api import Delete, KeyEvent, Put
from taskyard.store.memory import Backup

Member = PlaneProcess | AgentProcess

_MEASURED = 1.0
"""Seconds within which a control plane hears what a node has measured: nobody waits for that."""


class Cluster:
    def __init__(self, seed: int, settings: Settings) -> None:
        self._seed = seed
        self._settings = settings = settings.drawn(seed)
        self.clock = ManualClock()
        self.story = Story()
        self.driver = Driver(self.clock, self._drawn("latency"))
        self.storage = Storage(self.clock, self._changed)
        self._delays = self._drawn("delays")
        self.registry = Registry()
        names = (f"n{number:02d}" for number in range(1, settings.nodes + 1))
        self.hosts_in_order = [self._host(name, name) for name in names]
        self.hosts = {host.name: host for host in self.hosts_in_order}
        self.everywhere = dict(self.hosts)
        """Those as well that want another's name, or wanted it once; by key."""
        self._plane_clocks = {name: MachineClock(self.clock) for name in ("cp1", "cp2")}
        self.checker = Checker(self.clock.monotonic, self._plane_clocks)
        self.operator = Operator(lambda node: self.checker.mirror.specs.get(node), self._say)
        self._retained = Retained()
        self._planes: dict[str, PlaneProcess] = {}
        self._readings = Readings()
        self._agents: dict[str, AgentProcess] = {}  # By the key of their host.
        self._crashing: dict[str, tuple[float, Random]] = {}
        """Until when a process dies of one of its first effects each time, by name."""
        self._lives = 0
        self.healed = False
        """All faults have ended."""
        self._outside = Process("outside")
        self._buried: set[Process] = set()
        self._users: Users | None = None
        self._trouble: Trouble | None = None
        self.driver.crashed = self.crashed

    def _host(self, name: str, key: str) -> Host:
        mounts, metrics = bool(self._settings.files), bool(self._settings.services)
        return Host(name, self.clock, key, self.registry, mounts=mounts, metrics=metrics)

    def _drawn(self, what: str) -> Random:
        return Random(f"{self._seed}/{what}")

    def run(self, *, trace: bool = False) -> Outcome:
        violation, story = "", ""
        with Unforeseen(self.driver.fail), uncollected():
            try:
                self._run()
            except (Violation, HotLoop) as found:
                about = found.about if isinstance(found, Violation) else ()
                violation, story = str(found), self.story.about(about)
            except Escaped as found:
                violation = str(found)
                story = "\n".join([self.story.about(()), *format_exception(found.__cause__)])
        return Outcome(
            self._seed,
            violation,
            story,
            self.story.trace() if trace else "",
            self.clock.monotonic() / 60,
            self.driver.steps,
            self.storage.revision,
            self._trouble.struck if self._trouble else 0,
            self._users.asked if self._users else 0,
        )

    def _run(self) -> None:
        for name in self._plane_clocks:
            self._boot_plane(name)
        for host in self.hosts_in_order:
            self._watch_over(host)
            self._boot_agent(host)
        settings = self._settings
        users = Users(self._drawn, settings, self)
        trouble = Trouble(self, users, self._drawn, settings)
        self._users, self._trouble = users, trouble
        busy = Process("outside")
        self.driver.wake(Actor(busy, "users", users.act), 2.0)
        if settings.faults_per_minute:
            self.driver.wake(Actor(busy, "faults", trouble.strike), 4.0)
        self.driver.wake(Actor(self._outside, "leases", self.storage.expire), 0.0)
        self.driver.wake(Actor(self._outside, "backups", self.storage.back_up), 0.0)
        if not settings.retained:
            self.driver.wake(Actor(self._outside, "compaction", self.storage.keep_compacting), COMPACT_EVERY)
        if settings.listed:
            self.driver.wake(Actor(self._outside, "lists", partial(list_all, self)), LISTED_EVERY)
        self.driver.run(60 * settings.minutes)
        busy.kill()
        self.healed = True
        heal_all(self, self._drawn("emptied") if settings.emptied else None)
        self.note("all faults have ended")
        more = (SWEPT if settings.contention else 0.0) + (LOOKED_AT if settings.published else 0.0)
        more += EMPTIED if settings.emptied else 0.0
        self.driver.run(self.clock.monotonic() + SETTLE + more)
        self.driver.run(self.clock.monotonic() + slow_to_settle(self.checker))
        check_settled(self.checker, self.hosts, self.planes())
        self.checker.writes.still_from_now()
        self.driver.run(self.clock.monotonic() + QUIET)
        check_settled(self.checker, self.hosts, self.planes())
        if settings.retained:
            self._retained.check_settled(self.storage.oldest, self.clock.monotonic())
        self.checker.writes.check_still(restless(self.checker, self.hosts))

    # What runs.

    def everybody(self) -> list[Member]:
        return [*self._planes.values(), *self._agents.values()]

    def planes(self) -> list[PlaneProcess]:
        """Those that are alive and not frozen in the middle of something."""
        return [one for one in self._planes.values() if one.alive and not one.frozen]

    def leader(self) -> PlaneProcess | None:
        """Whose scheduler leads, and may go on now."""
        leads = self.checker.mirror.leaders.get("scheduler")
        return next((one for one in self.planes() if one.identity == leads), None)

    def agents(self) -> list[AgentProcess]:
        return [one for one in self._agents.values() if one.alive and not one.frozen]

    def nodes(self) -> Sequence[str]:
        return list(self.hosts)

    def clocks(self) -> list[tuple[str, MachineClock]]:
        return [*self._plane_clocks.items(), *((host.name, host.clock) for host in self.hosts_in_order)]

    def clock_of(self, member: Member) -> MachineClock:
        return member.host.clock if isinstance(member, AgentProcess) else self._plane_clocks[member.name]

    def kill(self, victim: Member) -> None:
        victim.kill()
        self.crashed(victim)

    def let_crash(self, name: str, random: Random, seconds: float) -> None:
        """For so long it dies each time that it has been started."""
        self._crashing[name] = self.clock.monotonic() + seconds, random

    def end_crash_loops(self) -> None:
        self._crashing.clear()

    def begin_twin(self, name: str) -> bool:
        """Another machine's agent that wants to be this node; False when there is one already."""
        host = self._host(name, f"{name}b")
        if host.key in self._agents:
            return False
        self.everywhere[host.key] = host
        self._watch_over(host)
        self._boot_agent(host)
        return True

    def end_twin(self, name: str) -> None:
        """That machine is switched off, and never comes back."""
        if (agent := self._agents.pop(f"{name}b", None)) is None:
            return
        self._buried.add(agent)
        agent.stop()
        for one in agent.host.runtime.everything():
            agent.host.runtime.end(one.id, "SIGKILL")
        self.note(f"the other machine that wants to be {name} is switched off")

    def lose(self, victim: AgentProcess) -> None:
        """With its lease, which ends before its time, and with its singletons: whoever takes the lease from a host that
        lives has to have stopped those (docs/singletons.md). Its other containers go on."""
        self.kill(victim)
        self.end_lease(victim.host)

    def end_lease(self, host: Host) -> bool:
        entry = self.storage.store.get(keys.node_lease(host.name))
        if entry is None or not entry.lease or self.checker.mirror.leases[host.name].host_id != host.key:
            return False
        host.guard.fence()
        self.storage.store.revoke(entry.lease)
        self.wrote("lease")
        return True

    def _say(self, spec: NodeSpec) -> None:
        self.storage.store.commit([], [Put(keys.node_spec(spec.metadata.name), encode(spec))])
        self.wrote("user")

    def may_lose_data(self) -> bool:
        """Once in a run: after a second loss within seconds nobody can tell what was meant."""
        return self._settings.data_loss and not self.storage.restores

    def by_hand(self, key: str, value: bytes | None) -> None:
        self.note(f"somebody {'puts' if value else 'deletes'} {key} by hand")
        self.storage.store.commit([], [Put(key, value) if value else Delete(key)])
        self.wrote("hand")

    def restore(self, backup: Backup) -> None:
        """The store's data is lost, but for what the backup has."""
        self.storage.restore(backup)
        self.checker.restored(backup, {one.host.name: one.frozen_since for one in self._agents.values() if one.frozen})
        for member in self.everybody():
            member.store.replace(self.storage.store)
            member.store.delivery.awake(self.driver.latency())

    def crashed(self, process: Process) -> None:
        if process in self._buried:
            return  # Killed while it was frozen: that shows again when it would have gone on.
        self._buried.add(process)
        until, _ = self._crashing.get(process.name, (0.0, None))
        again = self.clock.monotonic() < until
        delay = self._delays.choice((0.1, 1.0) if again else (0.1, 1.0, 4.0, 12.0))
        if isinstance(process, PlaneProcess):
            process.stop()
            self.later(delay, lambda: self._boot_plane(process.name))
        elif isinstance(process, AgentProcess):
            process.stop()
            self.later(delay, lambda: self._boot_again(process))

    def _boot_plane(self, name: str) -> None:
        self._lives += 1
        drawn, clock = self._drawn(f"{name}/{self._lives}"), self._plane_clocks[name]
        store, told, kept = self.storage.store, formats(self._settings.published), retention(self._settings.retained)
        plane = PlaneProcess(name, self._lives, store, self.driver, self, self._readings, drawn, clock, told, kept)
        self._planes[name] = plane
        self.note(f"{name} starts")
        self._light_fuse(plane)
        plane.boot()

    def _light_fuse(self, process: Member) -> None:
        until, random = self._crashing.get(process.name, (0.0, None))
        if random is not None and self.clock.monotonic() < until:
            process.fuse.left, process.fuse.seconds = random.randint(1, 8), 0.0

    def _watch_over(self, host: Host) -> None:
        """The watchdog goes on whatever becomes of the agent."""
        process = Process(f"watchdog-{host.key}")

        def act() -> float:
            if not host.guard.due:
                return host.guard.act()
            running = {one.id for one in host.runtime.everything() if one.state is ContainerState.RUNNING}
            wait = host.guard.act()
            for one in host.runtime.everything():
                if one.id in running and one.state is not ContainerState.RUNNING:
                    self.story.tell(self.clock.monotonic(), process.name, f"has ended {one.name}")
                    self.containers_changed(host)
            return wait

        actor = Actor(process, "watchdog", act)
        host.guarding = lambda delay: self.driver.wake(actor, delay)

    def _boot_again(self, agent: AgentProcess) -> None:
        if self._agents.get(agent.host.key) is agent:
            self._boot_agent(agent.host)

    def _boot_agent(self, host: Host) -> None:
        self._lives += 1
        drawn = self._drawn(f"{host.key}/{self._lives}")
        agent = AgentProcess(host, self._lives, self.storage.store, self.driver, self, drawn)
        self._agents[host.key] = agent
        self.note(f"{agent.name} starts")
        self.checker.past.agent_starts(host.name)
        self._light_fuse(agent)
        agent.boot()

    def containers_changed(self, host: Host) -> None:
        agent = self._agents.get(host.key)
        if agent is not None and agent.alive:
            agent.containers_changed()

    def later(self, delay: float, do: Callable[[], None]) -> None:
        def step() -> float:
            do()
            return math.inf

        self.driver.wake(Actor(self._outside, "later", step), delay)

    # What is observed: simulator.effects.Observer.

    def before_write(self) -> None:
        self.storage.end_leases()

    def wrote(self, who: str) -> None:
        self.storage.wrote(who)

    def forgot(self, who: str, revision: int) -> None:
        if wrong := self._retained.forgotten_early(revision, who, self.clock.monotonic()):
            self.driver.fail(Violation(wrong, who))

    def wrote_again(self, key: str) -> None:
        name = key.rpartition("/")[2]
        text = f"what a user had asked of {name}, and had an answer to, was carried out once more"
        self.driver.fail(Violation(text, name))

    def _changed(self, events: tuple[KeyEvent, ...], who: str) -> None:
        at = self.clock.monotonic()
        self._retained.note(events[-1].revision, at)
        for event in events:
            self.story.tell(at, who, event)
        try:
            self.checker.apply(events, who)
            for host, node, status in reports(self.everywhere, self.checker.mirror, events, who):
                check_over(host, status)
                check_told(host, status, self.checker.mirror.assignments[node][status.uid].spec)
        except Violation as found:
            self.driver.fail(found)
        self._wake_watchers(news_of(events))

    def _wake_watchers(self, news: News) -> None:
        wake, latency = self.driver.wake, self.driver.latency
        if news.planes or news.measured:
            for plane in self._planes.values():
                wake(plane.following, latency() if news.planes else _MEASURED)
                for actor in plane.electing if news.leaderless else ():
                    wake(actor, latency())
        for name in news.nodes:
            for agent in (self._agents.get(name), self._agents.get(f"{name}b")):
                if agent is not None:
                    wake(agent.following, latency())

    def called(self, who: str, host: str, call: str, container: ContainerInfo | None, name: str) -> None:
        self.story.tell(self.clock.monotonic(), who, f"{call} {container.name if container else name}")
        try:
            check_call(self.checker, who, self.everywhere[host], call, container, name)
        except Violation as found:
            self.driver.fail(found)
        if call == "start" and container is not None:
            self._look_for_the_condemned(self.everywhere[host])
            self.later(TOO_LATE, partial(self._check_alone, container))

    def woken_up(self, host: Host) -> None:
        """Its runtime has done what it was asked while it hung."""
        self.containers_changed(host)
        self._look_for_the_condemned(host)
        for one in host.runtime.everything():
            if one.state is ContainerState.RUNNING and one.id not in host.foreign:
                self.later(TOO_LATE, partial(self._check_alone, one))

    def _look_for_the_condemned(self, host: Host) -> None:
        """As late as a watchdog may that looks all the time: it has something to find only after a start."""
        if host.guard.condemned:
            host.guarding(EAGER)

    def _check_alone(self, container: ContainerInfo) -> None:
        try:
            check_alone(self.checker, self.everywhere, container, self.clock.monotonic())
        except Violation as found:
            self.driver.fail(found)

    def note(self, text: str) -> None:
        self.story.tell(self.clock.monotonic(), "", text, fault=True)
