"""Images that tasks fetched and nobody needs go, and those of others never; pressure is told, and hurries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nodeagent.housekeeping import TIDY_EVERY, Housekeeping, kept_ended
from nodeagent.images import UNUSED_FOR, FetchedImages
from nodeagent.names import Owner
from nodeagent.pressure import Pressure, Stock
from nodeagent.runtime.fake import FakeRuntime
from nodeagent.runtime.port import ContainerSpec, RuntimeRefused
from nodeagent.runtime.recording import RecordingRuntime
from nodeagent.view import ContainerView
from taskyard.clock import ManualClock

FULL = Stock(0, 2**40)
EMPTY = Stock(2**40, 2**40)


@dataclass
class House:
    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    wanted: set[str] = field(default_factory=set)
    disk: Stock = EMPTY
    noted: dict[Pressure, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inner = FakeRuntime(self.clock, registry={"app:1", "app:2", "theirs:1"})
        self.images = FetchedImages(self.folder)
        self.runtime = RecordingRuntime(self.inner, lambda image: self.images.fetched(image, self.clock.now()))
        self.keeping = Housekeeping(
            runtime=self.runtime,
            view=ContainerView(Owner("c", "n1")),
            images=self.images,
            clock=self.clock,
            stocks=lambda _folders: {"DiskPressure": self.disk},
            folder=self.folder,
            note=self.noted.__setitem__,
            wanted=lambda: self.wanted,
            look_again=lambda _uid: None,
        )

    def after(self, seconds: float) -> set[str]:
        """The images on the node, after housekeeping as it is done in that time."""
        for _ in range(int(seconds // TIDY_EVERY) + 1):
            self.clock.advance(TIDY_EVERY)
            self.keeping.step()
        return self.inner.images


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_was_fetched_goes_a_while_after_nobody_wants_it(house: House) -> None:
    house.runtime.pull("app:1").run()
    house.wanted = {"app:1"}
    assert "app:1" in house.after(2 * UNUSED_FOR)
    house.wanted = set()
    assert "app:1" in house.after(UNUSED_FOR / 2)
    assert "app:1" not in house.after(UNUSED_FOR)


def test_what_was_there_before_stays(house: House) -> None:
    house.inner.images.add("theirs:1")
    house.runtime.pull("theirs:1").run()  # pullPolicy Always
    assert house.after(2 * UNUSED_FOR) == {"busybox:1.35", "theirs:1"}


def test_what_anybodys_container_is_made_of_stays(house: House) -> None:
    house.runtime.pull("app:1").run()
    house.inner.create(ContainerSpec("theirs", "app:1", {}))
    assert "app:1" in house.after(2 * UNUSED_FOR)


def test_a_pull_that_fails_is_not_noted(house: House) -> None:
    with pytest.raises(RuntimeRefused):
        house.runtime.pull("nowhere:1").run()
    assert house.images.removable(1e12, pressed=True) == []


def test_a_full_disk_is_told_and_hurries(house: House) -> None:
    house.runtime.pull("app:1").run()
    assert "app:1" in house.after(TIDY_EVERY)
    assert house.noted["DiskPressure"] is None
    house.disk = FULL
    assert "app:1" not in house.after(TIDY_EVERY)
    assert house.noted == {
        "DiskPressure": "0 of 1Ti of its fullest disk are free",
        "MemoryPressure": None,
        "PidPressure": None,
    }


def test_a_new_agent_knows_what_the_one_before_fetched(house: House) -> None:
    house.runtime.pull("app:1").run()
    assert "app:1" not in House(house.folder, clock=house.clock).after(2 * UNUSED_FOR)
    again = FetchedImages(house.folder)
    assert again.removable(1e12, pressed=False) == []


@pytest.mark.parametrize("text", ["", "{", '{"app:1": "soon"}', "[]"])
def test_a_spoilt_file_removes_nothing(house: House, text: str) -> None:
    (house.folder / "images.json").write_text(text)
    assert house.images.removable(1e12, pressed=True) == []


def test_ended_containers_are_kept_as_long_as_asked_but_not_on_a_full_disk() -> None:
    assert kept_ended(1000, disk_pressed=False) == 1000
    assert kept_ended(1000, disk_pressed=True) == 300
    assert kept_ended(10, disk_pressed=True) == 10
