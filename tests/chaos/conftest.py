"""The cluster of three hosts: one for the whole session, repaired after each test, made anew when it cannot be."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from chaos import leftovers
from chaos.cluster import Cluster
from chaos.witness import Witness
from taskyard.local.errors import LocalError


@pytest.fixture(scope="session")
def cluster_of_session(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    made = Cluster(small_disks=True)
    made.start()
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stdout.write(f"\nthree hosts were up after {made.started_in:.1f} s\n")
    try:
        yield made
    finally:
        made.stop()
        assert not (left := leftovers.left(made.name, made.folder)), f"the cluster has ended, and left {left}"


@pytest.fixture
def cluster(cluster_of_session: Cluster) -> Iterator[Cluster]:
    """Whole, and without tasks."""
    yield cluster_of_session
    try:
        cluster_of_session.repair()
    except (AssertionError, LocalError):
        cluster_of_session.stop()
        cluster_of_session.start()
        raise


@pytest.fixture
def witness(cluster: Cluster) -> Iterator[Witness]:
    """Judges the whole test: its history, and that everything has settled in the end."""
    with Witness(cluster) as made:
        yield made
