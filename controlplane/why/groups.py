"""A thousand nodes in ten lines: those that the same filters refuse stand together. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.placement import FILTERS, Failure, NodeVerdict

_EXAMPLES = 2
_PHRASES = {rule.name: rule.phrase for rule in FILTERS}


@dataclass(frozen=True, slots=True)
class Group:
    """`nodes`: the one that lacks least first. `text`: `too little memory (needs 256Mi more to 2Gi more), cordoned`."""

    filters: tuple[str, ...]
    nodes: tuple[str, ...]
    text: str


def grouped(verdicts: tuple[NodeVerdict, ...], limit: int = 0) -> list[Group]:
    """The largest group first; beyond `limit` (0: none) the rest becomes one group. Nodes that fit are left out."""
    by_filters: dict[tuple[str, ...], list[NodeVerdict]] = {}
    for verdict in verdicts:
        if verdict.failures:
            by_filters.setdefault(tuple(failure.filter for failure in verdict.failures), []).append(verdict)
    found = sorted(by_filters.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    if limit and len(found) > limit:
        rest = found[limit - 1 :]
        others = [verdict for _, members in rest for verdict in members]
        return [*(_group(*pair) for pair in found[: limit - 1]), _others(len(rest), others)]
    return [_group(filters, members) for filters, members in found]


def _group(filters: tuple[str, ...], members: list[NodeVerdict]) -> Group:
    members = sorted(members, key=lambda verdict: (sum(f.short for f in verdict.failures), verdict.node))
    phrases = [_phrase([verdict.failures[at] for verdict in members]) for at in range(len(filters))]
    return Group(filters, tuple(verdict.node for verdict in members), ", ".join(phrases))


def _others(combinations: int, members: list[NodeVerdict]) -> Group:
    names = {failure.filter for verdict in members for failure in verdict.failures}
    filters = tuple(rule.name for rule in FILTERS if rule.name in names)
    phrases = ", ".join(_PHRASES[name] for name in filters)
    text = f"{combinations} other combinations of: {phrases}"
    return Group(filters, tuple(sorted(verdict.node for verdict in members)), text)


def _phrase(failures: list[Failure]) -> str:
    """The filter's phrase, with what it said: the range of an amount, or a few different details."""
    phrase = _PHRASES[failures[0].filter]
    ordered = sorted(failures, key=lambda failure: (failure.short, failure.detail))
    details = list(dict.fromkeys(failure.detail for failure in ordered if failure.detail))
    if not details:
        return phrase
    if len(details) == 1:
        return f"{phrase} ({details[0]})"
    if ordered[0].short:
        return f"{phrase} ({details[0]}, up to {details[-1].removeprefix('needs ')})"
    more = f"; and {len(details) - _EXAMPLES} others" if len(details) > _EXAMPLES else ""
    return f"{phrase} ({'; '.join(details[:_EXAMPLES])}{more})"
