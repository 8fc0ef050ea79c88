"""The stores that the contract holds for, behind one fixture."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from taskyard.clock import ManualClock
from taskyard.store.api import Store
from taskyard.store.etcd import EtcdStore
from taskyard.store.memory import MemoryStore
from tests.contract.subject import Subject


def _memory() -> Iterator[Subject]:
    clock = ManualClock()
    store = MemoryStore(clock)
    yield Subject(store, clock.advance)
    store.close()


def _etcd(endpoint: str) -> Iterator[Subject]:
    store = EtcdStore([endpoint])
    yield Subject(store, time.sleep)
    store.close()


@pytest.fixture(params=["memory", pytest.param("etcd", marks=pytest.mark.etcd)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "memory":
        yield from _memory()
    else:
        yield from _etcd(request.getfixturevalue("etcd").endpoint)


@pytest.fixture
def store(subject: Subject) -> Store:
    return subject.store
