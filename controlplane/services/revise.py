"""Which revision a service's tasks are to have, by its declaration, its history and somebody's word. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from taskyard.annotations import CHANGE_CAUSE, CHANGED_BY, RESUMED_AT
from taskyard.objects import Phase, Revision, Rollout, Service, encode, spec_hash

_MOST_BYTES = 700_000
"""Of all templates that are kept; etcd takes 1.5 MiB in one request."""


def revise(service: Service, rollout: Rollout | None, now: str) -> Rollout:
    """The rollout as it is to be; equal to what it was when nothing new was declared. `now` is a timestamp."""
    annotations = service.metadata.annotations
    resumed = annotations.get(RESUMED_AT, "")
    if rollout is None or rollout.service_uid != service.metadata.uid:
        first = _revision(service, 1, now)
        return Rollout(service_uid=service.metadata.uid, revisions=[first], target=1, resumed=resumed)
    if service.spec.paused:
        return rollout
    latest = rollout.revisions[-1]
    if spec_hash(service.spec.template) != latest.hash:
        made = _revision(service, latest.number + 1, now)
        before = next((each.digest for each in rollout.revisions if each.hash == made.hash), "")
        made = replace(made, digest=before)  # What comes back runs what it ran.
        kept = [each for each in rollout.revisions if each.hash != made.hash or each.number == rollout.stable]
        rollout = replace(
            rollout,
            revisions=[*kept, made],
            target=made.number,
            phase=Phase.PROGRESSING,
            message="",
            resumed=resumed,
        )
    elif resumed != rollout.resumed:
        passed_over = rollout.phase is Phase.COMPLETE and service.spec.update.on_failure == "continue"
        again = passed_over or rollout.phase in (Phase.FAILED, Phase.ROLLED_BACK)
        rollout = replace(
            rollout,
            resumed=resumed,
            target=latest.number if again else rollout.target,
            phase=Phase.PROGRESSING if again else rollout.phase,
            message="" if again else rollout.message,
            retried_at=now if again else rollout.retried_at,
        )
    return _trimmed(rollout, service.spec.history)


def _revision(service: Service, number: int, now: str) -> Revision:
    annotations = service.metadata.annotations
    return Revision(
        number=number,
        hash=spec_hash(service.spec.template),
        template=service.spec.template,
        at=now,
        by=annotations.get(CHANGED_BY, "") or service.metadata.source,
        why=annotations.get(CHANGE_CAUSE, ""),
    )


def _trimmed(rollout: Rollout, most: int) -> Rollout:
    """Without the oldest that are too many; those that tasks have, or are to have, stay."""
    revisions = list(rollout.revisions)
    sizes = [len(encode(each)) for each in revisions]
    at = 0
    while at < len(revisions) - 1 and (len(revisions) > most + 1 or sum(sizes) > _MOST_BYTES):
        if revisions[at].number in (rollout.target, rollout.stable):
            at += 1
            continue
        del revisions[at], sizes[at]
    return rollout if len(revisions) == len(rollout.revisions) else replace(rollout, revisions=revisions)
