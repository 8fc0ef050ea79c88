"""All nodes in the order of their free share: a set of bits for each level, walked from the best.

A placement moves one node from one level to another. Within a level, nodes with fewer tasks come first, then those with
smaller numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.cluster import Demand
from controlplane.cluster.demand import NOMINAL_CPU, NOMINAL_MEMORY
from controlplane.placement.engine.bits import each
from controlplane.placement.engine.rooms import Rooms
from controlplane.placement.nodes import NodeState
from controlplane.placement.shares import IMAGE_POINTS, POINTS, level

_PER_GROUP = 32
"""Levels that are passed over in one step where none of their nodes will do."""
_FEW = 6
"""Nodes of one level that are compared one by one."""
_OFFSET = POINTS
"""Levels begin below zero."""
_LEVELS = 2 * POINTS + _PER_GROUP

Best = tuple[int, int, int]
"""Points, minus the tasks on the node, minus its number: the larger is the better one."""


class Order:
    """Nodes by their numbers; `bit` is always that of the node."""

    def __init__(self, states: Sequence[NodeState], rooms: Rooms, bits: Sequence[int]) -> None:
        count = len(states)
        self._bits = bits
        self._rooms = rooms
        self._states = states
        self._cpu, self._memory = [0] * count, [0] * count
        self._tasks, self._level = [0] * count, [0] * count
        """The level above by `_OFFSET`, as it is an index."""
        self._levels = [0] * _LEVELS
        self._groups = [0] * (_LEVELS // _PER_GROUP)
        self._inside = [0] * (_LEVELS // _PER_GROUP)
        """For each group the set of its levels that have any node; `_used` is that of groups."""
        self._used = 0
        self._by_tasks: dict[int, dict[int, int]] = {}
        """Of levels where many nodes were found at once: the sets by number of tasks."""
        self._images: dict[str, int] = {}
        self._has: list[frozenset[str]] = [frozenset()] * count
        for at, state in enumerate(states):
            self._cpu[at], self._memory[at], self._tasks[at] = state.nominal_cpu, state.nominal_memory, state.tasks
            now = self._level[at] = level(state.facts.capacity, state.nominal_cpu, state.nominal_memory) + _OFFSET
            self._put(1 << at, now)
            self._note_images(at, 1 << at, state.facts.images)

    def best(self, demand: Demand, spread: bool, among: int, sure: bool, most: int = POINTS) -> Best | None:
        """Of those among them that have room; `sure`: all of them do. `most`: no node with room has more points."""
        walk = self._emptiest if spread else self._fullest
        check = None if sure else demand
        here = self._images.get(demand.image, 0) & among if self._images else 0
        if not here:
            return walk(among, check, -POINTS, most)
        found = walk(here, check, -POINTS, most)
        if found is None:
            return walk(among ^ here, check, -POINTS, most)
        found = found[0] + IMAGE_POINTS, found[1], found[2]
        other = walk(among ^ here, check, found[0], most)
        return found if other is None or found > other else other

    def points(self, at: int, demand: Demand, spread: bool) -> int:
        """Of one node, as `best` would give them."""
        free = self._level[at] - _OFFSET
        points = free if spread else POINTS - free
        return points + (IMAGE_POINTS if demand.image in self._has[at] else 0)

    def charge(self, at: int, bit: int, demand: Demand, sign: int = 1) -> None:
        cpu = self._cpu[at] - sign * (demand.cpu or NOMINAL_CPU)
        memory = self._memory[at] - sign * (demand.memory or NOMINAL_MEMORY)
        self._move(at, bit, cpu, memory, self._tasks[at] + sign)

    def load(self, at: int, bit: int, state: NodeState) -> None:
        """This is how it is; `states` has it already."""
        self._move(at, bit, state.nominal_cpu, state.nominal_memory, state.tasks)
        self._note_images(at, bit, state.facts.images)

    def _emptiest(self, among: int, check: Demand | None, least: int, most: int) -> Best | None:
        """The first with the largest free share, from `least` to `most` points."""
        top, lowest = (most if most < POINTS else POINTS) + _OFFSET, least + _OFFSET
        group = top // _PER_GROUP
        inside = self._inside[group] & ((2 << top % _PER_GROUP) - 1)
        levels = self._levels
        while True:
            if inside and self._groups[group] & among:
                start = group * _PER_GROUP
                while inside:
                    at = inside.bit_length() - 1
                    inside ^= 1 << at
                    at += start
                    if at < lowest:
                        return None
                    found = levels[at] & among
                    if found and (first := self._first(at, found, check)) is not None:
                        return at - _OFFSET, first[0], first[1]
            group = (self._used & ((1 << group) - 1)).bit_length() - 1
            if (group + 1) * _PER_GROUP <= lowest:
                return None
            inside = self._inside[group]

    def _fullest(self, among: int, check: Demand | None, least: int, _most: int) -> Best | None:
        """The first with the smallest free share, if it has at least so many points."""
        used, highest = self._used, POINTS - least + _OFFSET
        while used:
            low = used & -used
            used ^= low
            group = low.bit_length() - 1
            start = group * _PER_GROUP
            if start > highest:
                return None
            if self._groups[group] & among:
                inside = self._inside[group]
                while inside:
                    low = inside & -inside
                    inside ^= low
                    at = start + low.bit_length() - 1
                    if at > highest:
                        return None
                    found = self._levels[at] & among
                    if found and (first := self._first(at, found, check)) is not None:
                        return POINTS + _OFFSET - at, first[0], first[1]
        return None

    def _first(self, at: int, found: int, check: Demand | None) -> tuple[int, int] | None:
        """Minus its tasks, minus its number."""
        if found.bit_count() > _FEW:
            return self._first_of_many(at, found, check)
        bits, tasks = self._bits, self._tasks
        while found:
            best = found.bit_length() - 1
            fewest, rest = tasks[best], found ^ bits[best]
            while rest:
                node = rest.bit_length() - 1
                rest ^= bits[node]
                if tasks[node] <= fewest:
                    best, fewest = node, tasks[node]
            if check is None or self._rooms.takes(best, check):
                return -fewest, -best
            found ^= bits[best]
        return None

    def _first_of_many(self, at: int, found: int, check: Demand | None) -> tuple[int, int] | None:
        by_tasks = self._by_tasks.get(at)
        if by_tasks is None:
            by_tasks = self._by_tasks[at] = {}
            for node in each(self._levels[at]):
                by_tasks[self._tasks[node]] = by_tasks.get(self._tasks[node], 0) | 1 << node
        takes = self._rooms.takes
        for tasks in sorted(by_tasks):
            some = by_tasks[tasks] & found
            while some:
                low = some & -some
                node = low.bit_length() - 1
                if check is None or takes(node, check):
                    return -tasks, -node
                some ^= low
        return None

    def _move(self, at: int, bit: int, cpu: int, memory: int, tasks: int) -> None:
        before, had = self._level[at], self._tasks[at]
        now = level(self._states[at].facts.capacity, cpu, memory) + _OFFSET
        self._cpu[at], self._memory[at], self._tasks[at], self._level[at] = cpu, memory, tasks, now
        if now == before and tasks == had:
            return
        by_tasks = self._by_tasks.get(before)
        if by_tasks is not None:
            left = by_tasks[had] ^ bit
            if left:
                by_tasks[had] = left
            else:
                del by_tasks[had]
        by_tasks = self._by_tasks.get(now)
        if by_tasks is not None:
            by_tasks[tasks] = by_tasks.get(tasks, 0) | bit
        if now == before:
            return
        levels = self._levels
        if levels[now]:
            levels[now] |= bit
            if before // _PER_GROUP != now // _PER_GROUP:
                self._groups[now // _PER_GROUP] |= bit
        else:
            self._put(bit, now)
        left = levels[before] ^ bit
        if left:
            levels[before] = left
        else:
            self._empty(before)
        if before // _PER_GROUP != now // _PER_GROUP:
            self._groups[before // _PER_GROUP] ^= bit

    def _put(self, bit: int, now: int) -> None:
        group = now // _PER_GROUP
        self._levels[now] |= bit
        self._groups[group] |= bit
        self._inside[group] |= 1 << now % _PER_GROUP
        self._used |= 1 << group

    def _empty(self, before: int) -> None:
        """The level has no node any more."""
        group = before // _PER_GROUP
        self._levels[before] = 0
        self._by_tasks.pop(before, None)
        self._inside[group] ^= 1 << before % _PER_GROUP
        if not self._inside[group]:
            self._used ^= 1 << group

    def _note_images(self, at: int, bit: int, images: frozenset[str]) -> None:
        before = self._has[at]
        if before is not images and before != images:
            for image in before ^ images:
                self._images[image] = self._images.get(image, 0) ^ bit
            self._has[at] = images
