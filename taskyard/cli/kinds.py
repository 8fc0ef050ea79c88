"""The kinds, and every way that people write them and their objects: `tasks`, `t`, `task/web`, `task web db`. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from taskyard.cli.failure import Failed
from taskyard.kinds import BY_KIND, OBJECT_KINDS, TABLE, KindNames


class Kind(StrEnum):
    TASK = "task"
    SERVICE = "service"
    JOB = "job"
    CRON = "cron"
    SECRET = "secret"
    CONFIG = "config"
    NAMESPACE = "namespace"
    VOLUME = "volume"
    NODE = "node"
    EVENT = "event"

    @property
    def plural(self) -> str:
        return f"{self.value}s"

    @property
    def names(self) -> KindNames:
        """What a manifest declares; no one declares an event."""
        return BY_KIND[self.value.capitalize()]

    @property
    def namespaced(self) -> bool:
        return self is Kind.EVENT or self.names.namespaced


OBJECTS = tuple(Kind(kind.lower()) for kind in OBJECT_KINDS)
"""Those that are listed, watched, changed and deleted in one and the same way."""
DECLARED = tuple(Kind(names.singular) for names in TABLE)
"""Those that a manifest may declare."""


_SPELLINGS = {
    **{word: Kind(n.singular) for n in TABLE for word in (n.singular, n.plural, *n.short)},
    **dict.fromkeys(("event", "events", "ev", "e"), Kind.EVENT),
}
_ELSEWHERE = {
    **dict.fromkeys(("pod", "pods", "po", "container", "containers", "alloc", "allocs"), "tasks"),
}
"""What other tools' kinds are here."""
_LABELS = {Kind.SERVICE: "taskyard/service", Kind.JOB: "taskyard/job"}
"""By which the tasks of one are told."""
KIND_NAMES = tuple(kind.plural for kind in Kind)


@dataclass(frozen=True, slots=True)
class Target:
    """One object, or without a name all of a kind."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" if self.name else self.kind.plural

    @property
    def tasks(self) -> str:
        """The label selector of those that it makes; empty for what makes none itself."""
        return f"{_LABELS[self.kind]}={self.name}" if self.kind in _LABELS else ""


def find_kind(word: str) -> Kind | None:
    return _SPELLINGS.get(word.lower())


def no_such_kind(word: str) -> Failed:
    here = f"; here it is '{_ELSEWHERE[word.lower()]}'" if word.lower() in _ELSEWHERE else _nearest(word)
    return Failed(f"there is no kind '{word}'{here}", _KINDS_HINT)


def read_targets(words: Sequence[str]) -> list[Target]:
    """What the words of `get`, `describe` or `delete` name.

    A first word that is a kind (or several: `tasks,nodes`) says what the others are; without one they are tasks.
    `KIND/NAME` always says it all. Failed for a word that is nearly a kind, or an unknown one before a slash.
    """
    if not words:
        return []
    kinds = _kinds(words[0])
    if kinds and len(words) == 1:
        return [Target(kind) for kind in kinds]
    if len(kinds) > 1:
        raise Failed(f"names cannot follow several kinds ({words[0]})", "write KIND/NAME for each: task/web node/n1")
    if kinds:
        return [_target(word, kinds[0]) for word in words[1:]]
    _refuse_a_slip(words[0])
    return [_target(word, Kind.TASK) for word in words]


def one_target(words: Sequence[str], example: str) -> Target:
    """Exactly one object; Failed otherwise, with the command as it should read."""
    targets = read_targets(words)
    if len(targets) != 1 or not targets[0].name:
        raise Failed("name one object", f"for example: taskyard {example}")
    return targets[0]


def one_task(words: Sequence[str], example: str) -> str:
    """The name of exactly one task: `web`, `task/web` or `task web`. No word alone is taken for a kind."""
    target = _target(words[0], Kind.TASK) if len(words) == 1 else one_target(words, example)
    if target.tasks:
        raise Failed(f"{target} is not a task", f"its tasks: taskyard get tasks -l {target.tasks}")
    if target.kind is not Kind.TASK:
        raise Failed(f"{target} is not a task", f"for example: taskyard {example}")
    return target.name


def _kinds(word: str) -> list[Kind]:
    kinds = [find_kind(part) for part in word.split(",")]
    return [kind for kind in kinds if kind is not None] if all(kinds) else []


def _target(word: str, default: Kind) -> Target:
    kind_word, slash, name = word.partition("/")
    if not slash:
        return Target(default, word)
    kind = find_kind(kind_word)
    if kind is None:
        raise no_such_kind(kind_word)
    if not name:
        raise Failed(f"'{word}' has no name after the slash")
    return Target(kind, name)


def _refuse_a_slip(word: str) -> None:
    """`get taks` is a slip of the pen, not a task called taks, and `get pods` and `get all` are habits."""
    if word.lower() == "all":
        raise Failed("there is no kind 'all'", "name those you mean: taskyard get services,jobs,crons,tasks")
    if (here := _ELSEWHERE.get(word.lower())) is not None:
        raise Failed(f"there is no kind '{word}'; here they are '{here}'", f"if it is a task's name, write task/{word}")
    if word.isalpha() and (nearest := _nearest(word)):
        raise Failed(f"there is no kind '{word}'{nearest}", f"if it is a task's name, write task/{word}")


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word.lower(), KIND_NAMES, n=1, cutoff=0.72)
    return f"; did you mean '{near[0]}'?" if near else ""


_KINDS_HINT = f"the kinds are {', '.join(KIND_NAMES)}"
