"""The thread around it, on a real folder: a saved file is applied within moments. And when a look is due."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from controlplane.folder.timer import DEBOUNCE, LONGEST_DEBOUNCE, Timer
from controlplane.folder.watcher import FolderWatcher
from taskyard.clock import ManualClock


def test_a_look_waits_for_quiet() -> None:
    clock = ManualClock()
    timer = Timer(clock)
    timer.again_in(30)
    timer.changed()
    clock.advance(DEBOUNCE / 2)
    timer.changed()
    clock.advance(DEBOUNCE / 2)
    assert timer.wait() > 0
    clock.advance(DEBOUNCE / 2)
    assert timer.wait() <= 0


def test_endless_changes_do_not_put_it_off_for_ever() -> None:
    clock = ManualClock()
    timer = Timer(clock)
    timer.again_in(1000)
    for _ in range(round(LONGEST_DEBOUNCE / 0.1) + 1):
        timer.changed()
        clock.advance(0.1)
    assert timer.wait() <= 0


def test_without_a_change_it_is_looked_at_every_so_often() -> None:
    clock = ManualClock()
    timer = Timer(clock)
    timer.again_in(30)
    assert timer.wait() == 30
    clock.advance(30)
    assert timer.wait() <= 0


def test_the_watcher_tells_of_changes_also_in_a_folder_made_anew(tmp_path: Path) -> None:
    told = threading.Event()
    folder = tmp_path / "demo"
    watcher = FolderWatcher(folder, told.set)
    try:
        watcher.ensure()  # not there yet
        for round_ in range(2):
            folder.mkdir()
            deadline = time.monotonic() + 10
            watcher.ensure()
            assert told.wait(10)
            told.clear()
            (folder / "web.yaml").write_text(str(round_))
            assert told.wait(deadline - time.monotonic())
            folder.rename(tmp_path / f"old{round_}")
            told.clear()
    finally:
        watcher.stop()
