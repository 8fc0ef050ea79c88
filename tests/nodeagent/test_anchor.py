"""The count that tells a store with lost data: when it says so, and what it leaves on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.anchor import Anchor, FileMemo, MemoryMemo
from taskyard.clock import ManualClock
from taskyard.objects import NodeAnchor, decode
from taskyard.store.api import Entry, StoreError
from taskyard.store.memory import MemoryStore


def anchored(remembered: int) -> Anchor:
    memo = MemoryMemo()
    memo.write(remembered)
    return Anchor("n1", "host-1", memo, lambda _: None)


def found(value: bytes) -> Entry:
    return Entry("k", value, 1, 1)


@pytest.mark.parametrize(
    ("remembered", "there", "lost"),
    [
        pytest.param(0, None, False, id="first-start"),
        pytest.param(3, b'{"hostId":"host-1","count":3}', False, id="as-it-was"),
        pytest.param(3, b'{"hostId":"host-1","count":4}', False, id="the-folder-is-behind"),
        pytest.param(3, b'{"hostId":"host-1","count":2}', True, id="older"),
        pytest.param(3, None, True, id="wiped"),
        pytest.param(3, b"rubbish", True, id="rubbish"),
        pytest.param(3, b'{"hostId":"host-2","count":1}', False, id="another-host-had-the-name"),
    ],
)
def test_tells_a_store_that_lost_data(remembered: int, there: bytes | None, lost: bool) -> None:
    assert anchored(remembered).went_back(found(there) if there else None) is lost


def test_grows_beyond_both_and_is_remembered(tmp_path: Path) -> None:
    store, memo = MemoryStore(ManualClock()), FileMemo(tmp_path)
    anchor = Anchor("n1", "host-1", memo, lambda operations: store.commit([], operations))
    anchor.advance(None)
    anchor.advance(found(b'{"hostId":"host-1","count":7}'))
    entry = store.get(anchor.key)
    assert entry is not None
    assert decode(entry.value, NodeAnchor) == NodeAnchor(host_id="host-1", count=8)
    assert FileMemo(tmp_path).read() == memo.read() == 8


def test_is_not_remembered_when_it_could_not_be_written() -> None:
    anchor = anchored(3)
    with pytest.raises(StoreError):
        anchor.advance(None)
    assert not anchor.went_back(found(b'{"hostId":"host-1","count":3}'))


def test_a_file_that_makes_no_sense_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "anchor").write_text("\x00\x00")
    assert FileMemo(tmp_path).read() == 0
