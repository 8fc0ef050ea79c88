"""What the garbage collector does while much is loaded."""

from __future__ import annotations

import gc

import pytest

from taskyard import collector


def loads(fails: bool) -> None:
    with collector.spared():
        assert not gc.isenabled()
        if fails:
            raise OSError("gone")


def test_nothing_is_collected_meanwhile_and_what_is_there_then_is_not_looked_at_again() -> None:
    frozen = gc.get_freeze_count()
    try:
        loads(fails=False)
        assert gc.isenabled()
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()


def test_it_goes_on_also_when_loading_fails() -> None:
    try:
        with pytest.raises(OSError, match="gone"):
            loads(fails=True)
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_where_it_is_off_it_stays_off() -> None:
    gc.disable()
    try:
        with collector.spared():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_young_objects_are_looked_through_rarely() -> None:
    before = gc.get_threshold()
    try:
        collector.rarely()
        after = gc.get_threshold()
        assert after[0] > 10 * before[0]
        assert after[1:] == before[1:]
    finally:
        gc.set_threshold(*before)
