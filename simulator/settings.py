"""What a run is like: what users ask for and how much goes wrong. What is left open is drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

_CRONS_TAKE = 3.0
"""Minutes until all their times have come, and what they made has ended."""

_WITH_COMPANY = 0.2
"""The share of all seeds in which something runs beside tasks."""
_WITH_FILES = 0.15
"""The share in which some have Secrets and Configs as files."""
_WITH_HOOKS = 0.2
"""The share in which tasks have hooks."""
_RETAINED = 0.2
"""The share in which history is compacted by a leader alone."""
_WITH_LIMITS = 0.2
"""The share in which the namespace has limits and defaults."""
_WITH_DRAINS = 0.2
"""The share in which nodes are drained."""
_LISTED = 0.2
"""The share in which somebody lists all tasks again and again."""
_EMPTIED = 0.3
"""The share of those in which one is drained in the end."""
_WITH_PUSHES = 0.3
"""The share in which a tag that services name is pushed again."""


@dataclass(frozen=True, slots=True)
class Settings:
    nodes: int = 3
    tasks: int = 12
    minutes: float = 3.0
    """Of users and faults, before the time to settle."""
    faults_per_minute: float = 12.0
    data_loss: bool = False
    """The store may be wiped, or restored from a backup, once."""
    only_faults: frozenset[int] | None = None
    """By number; None: all. What is left out changes nothing of the rest."""
    only_requests: frozenset[int] | None = None
    contention: bool = False
    """Users give tasks priorities and gangs, and their namespace a quota."""
    services: int | None = None
    """None: as the seed has it, as for the two below."""
    jobs: int | None = None
    """With data loss there have to be none: what was counted is not taken back."""
    crons: int | None = None
    """Likewise."""
    beside: bool | None = None
    """Tasks have init tasks and sidecars."""
    published: bool | None = None
    """Where services are reached is told to CoreDNS and Traefik."""
    files: bool | None = None
    """Tasks have Secrets and Configs as files."""
    hooks: bool | None = None
    """Programs are run in tasks after their start and before their stop."""
    limited: bool | None = None
    """Their namespace has limits and defaults, which change."""
    retained: bool | None = None
    """The leader forgets history that is old enough."""
    drains: bool | None = None
    """Nodes are drained, some by a deadline."""
    emptied: bool | None = None
    """One of them still is in the end."""
    pushes: bool | None = None
    """Services name a tag that is pushed again and again."""
    listed: bool | None = None
    """All tasks and nodes are listed now and then, by somebody who asks every control plane."""
    kinds: frozenset[str] | None = None
    """Of the faults, by the names of their functions; None: all."""

    def drawn(self, seed: int) -> Settings:
        """With nothing left open: a part of all seeds have services, a part jobs, a part init tasks and sidecars, a
        part Secrets and Configs as files, and some have several."""
        random = Random(f"{seed}/load")
        services, jobs = random.choice((0, 0, 0, 1, 2, 3)), random.choice((0, 0, 0, 0, 1, 2))
        crons = random.choice((0, 0, 0, 0, 0, 1)) if self.minutes >= _CRONS_TAKE else 0
        beside = Random(f"{seed}/beside").random() < _WITH_COMPANY
        published = Random(f"{seed}/published").random() < 0.5 and bool(
            services if self.services is None else self.services
        )
        files = Random(f"{seed}/files").random() < _WITH_FILES
        hooks = Random(f"{seed}/hooks").random() < _WITH_HOOKS
        limited = Random(f"{seed}/limited").random() < _WITH_LIMITS
        retained = Random(f"{seed}/retained").random() < _RETAINED and not self.data_loss
        drains = Random(f"{seed}/drains").random() < _WITH_DRAINS and self.kinds is None
        emptied = Random(f"{seed}/emptied").random() < _EMPTIED and bool(drains if self.drains is None else self.drains)
        pushes = (
            Random(f"{seed}/pushes").random() < _WITH_PUSHES
            and self.kinds is None
            and bool(services if self.services is None else self.services)
        )
        listed = Random(f"{seed}/listed").random() < _LISTED
        if self.data_loss:
            jobs = crons = 0
        return replace(
            self,
            services=services if self.services is None else self.services,
            jobs=jobs if self.jobs is None else self.jobs,
            crons=crons if self.crons is None else self.crons,
            files=files if self.files is None else self.files,
            hooks=hooks if self.hooks is None else self.hooks,
            beside=beside if self.beside is None else self.beside,
            limited=limited if self.limited is None else self.limited,
            drains=drains if self.drains is None else self.drains,
            listed=listed if self.listed is None else self.listed,
            emptied=emptied if self.emptied is None else self.emptied,
            pushes=pushes if self.pushes is None else self.pushes,
            retained=retained if self.retained is None else self.retained,
            published=published if self.published is None else self.published,
        )
