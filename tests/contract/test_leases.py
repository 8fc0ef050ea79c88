"""What leases promise, over both stores."""

from __future__ import annotations

import pytest

from taskyard.store.api import Delete, LeaseExpired, Put, Store
from tests.contract.subject import Subject, next_batch


def test_an_entry_names_its_lease(store: Store) -> None:
    lease = store.grant(60)
    store.commit([], [Put("/a", b"", lease)])
    entry = store.get("/a")
    assert entry is not None
    assert entry.lease == lease != 0


def test_leases_differ(store: Store) -> None:
    assert store.grant(60) != store.grant(60)


def test_keep_alive_says_what_was_granted(store: Store) -> None:
    assert store.keep_alive(store.grant(59.2)) == 60.0


def test_revoking_deletes_the_keys_at_one_revision(store: Store) -> None:
    lease = store.grant(60)
    revision = store.commit([], [Put("/a", b"", lease), Put("/b", b"", lease), Put("/c", b"")]).revision
    watch = store.watch("/", start_revision=revision + 1)
    store.revoke(lease)
    assert [entry.key for entry in store.list("/").entries] == ["/c"]
    events = next_batch(watch).events
    assert {(event.key, event.entry, event.revision) for event in events} == {
        ("/a", None, revision + 1),
        ("/b", None, revision + 1),
    }


def test_revoking_twice_is_fine(store: Store) -> None:
    lease = store.grant(60)
    store.revoke(lease)
    store.revoke(lease)


def test_a_key_put_again_without_the_lease_outlives_it(store: Store) -> None:
    lease, other = store.grant(60), store.grant(60)
    store.commit([], [Put("/free", b"", lease), Put("/moved", b"", lease), Put("/held", b"", lease)])
    store.commit([], [Put("/free", b""), Put("/moved", b"", other)])
    store.revoke(lease)
    assert [entry.key for entry in store.list("/").entries] == ["/free", "/moved"]


def test_a_key_deleted_before_its_lease_may_come_back_free(store: Store) -> None:
    lease = store.grant(60)
    store.commit([], [Put("/a", b"", lease)])
    store.commit([], [Delete("/a")])
    store.commit([], [Put("/a", b"")])
    store.revoke(lease)
    assert store.get("/a") is not None


@pytest.mark.parametrize("lease", [pytest.param("revoked", id="revoked"), pytest.param("unknown", id="unknown")])
def test_a_lease_that_is_gone_refuses_everything(store: Store, lease: str) -> None:
    number = 0x1234567
    if lease == "revoked":
        number = store.grant(60)
        store.revoke(number)
    with pytest.raises(LeaseExpired):
        store.keep_alive(number)
    with pytest.raises(LeaseExpired):
        store.commit([], [Put("/free", b""), Put("/leased", b"", number)])
    assert store.list("/").entries == ()


def test_keys_go_when_time_is_up_and_not_while_it_is_kept_alive(subject: Subject) -> None:
    store = subject.store
    kept, left = store.grant(2), store.grant(2)
    store.commit([], [Put("/kept", b"", kept), Put("/left", b"", left)])

    def left_is_gone() -> bool:
        store.keep_alive(kept)
        return store.get("/left") is None

    assert not subject.wait_until(left_is_gone, 1.0)
    assert subject.wait_until(left_is_gone, 10.0)
    assert store.get("/kept") is not None
    with pytest.raises(LeaseExpired):
        store.keep_alive(left)
    assert subject.wait_until(lambda: store.get("/kept") is None, 10.0)
