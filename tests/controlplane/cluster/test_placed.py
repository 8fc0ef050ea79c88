"""What is placed says what a dictionary by uid and node would say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controlplane.cluster.placed import Placed
from controlplane.cluster.records import StatusRecord
from taskyard.objects import TaskState, TaskStatus
from taskyard.store.api import Entry

_UIDS, _NODES = ("u1", "u2"), ("n1", "n2", "n3")


def _record(uid: str, node: str, epoch: int) -> StatusRecord:
    status = TaskStatus(uid=uid, namespace="default", name="web", epoch=epoch, state=TaskState.RUNNING)
    return StatusRecord(node, status, Entry(f"{node}/{uid}", b"", epoch, epoch))


@given(st.lists(st.tuples(st.sampled_from(_UIDS), st.sampled_from(_NODES), st.booleans()), max_size=30))
def test_as_a_dictionary(steps: list[tuple[str, str, bool]]) -> None:
    placed: Placed[StatusRecord] = Placed()
    known: dict[tuple[str, str], StatusRecord] = {}
    for at, (uid, node, there) in enumerate(steps):
        new = _record(uid, node, at) if there else None
        assert placed.exchange(uid, node, new) == known.pop((uid, node), None)
        if new is not None:
            known[uid, node] = new
        for each in _UIDS:
            assert placed.of(each) == {node: record for (of, node), record in known.items() if of == each}
            for on in _NODES:
                assert placed.on(each, on) == known.get((each, on))
        assert placed.uids() == {of for of, _ in known}
