"""How containers of a task are stopped and removed: hook, signal, grace period, kill. Pure, as part of decide.py."""

from __future__ import annotations

from nodeagent.actions import Action, Drain, Remove, Signal, Tidy, Wait
from nodeagent.hooks import stop_delay
from nodeagent.names import MAIN, NETWORK
from nodeagent.situation import Container, Situation
from nodeagent.steps import in_stop_order

KILL_PATIENCE = 10.0
"""Seconds until a container that survived SIGKILL (stuck in the kernel, or a slow engine) is killed again."""


def fenced(situation: Situation, containers: tuple[Container, ...]) -> bool:
    """The watchdog answers for one of them: it is a singleton's, and what the store does not know may run elsewhere."""
    return any(one.info.id in situation.held | situation.condemned for one in containers)


def clear(situation: Situation, containers: tuple[Container, ...], grace: float | None) -> Action | None:
    """Stops and removes these, running ones first; None when there are none. What holds a network goes after those that
    have it, running or not: Podman refuses to remove it before."""
    ordered = in_stop_order(containers)
    running = (one for one in ordered if one.running and one.run.step != NETWORK)
    one = next(running, ordered[0] if ordered else None)
    if one is None or not one.running:
        return Remove(one.info.id, force=False) if one else None
    return _drain(situation, one, grace) or stop(situation, one, grace, last=Remove(one.info.id, force=True))


def tidy(situation: Situation) -> Action | None:
    """Once it has no container here any more."""
    return Tidy() if situation.belongings and not situation.kept else None


def _drain(situation: Situation, one: Container, grace: float | None) -> Action | None:
    """None once it may have its signal. What is fenced, or must go at once, is never put off."""
    delay, sent = stop_delay(one.info.labels), situation.signalled.get(one.info.id)
    if not delay or one.run.step != MAIN or grace == 0 or fenced(situation, (one,)):
        return None
    if sent is None:
        return Drain(one.info.id)
    left = 0.0 if sent.signal else sent.at + delay - situation.monotonic
    return Wait(left) if left > 0 else None


def stop(situation: Situation, one: Container, grace: float | None, last: Action) -> Action:
    """Its signal, then its grace period, then `last`."""
    allowed = one.info.stop_grace if grace is None else grace
    sent = situation.signalled.get(one.info.id)
    if one.run.step == NETWORK and sent is None:
        return last  # It does nothing that it could bring to an end.
    if sent is None or not sent.signal:
        return Signal(one.info.id, one.info.stop_signal) if allowed > 0 else last
    left = sent.at + (KILL_PATIENCE if sent.signal == "SIGKILL" else allowed) - situation.monotonic
    return Wait(left) if left > 0 else last
