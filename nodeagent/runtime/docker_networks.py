"""Networks on Docker Engine. Up to its version 24 two may have one name, and then no container can be on either.

Part of docker.py, which translates what is raised here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import docker
import msgspec
from docker.errors import APIError

from nodeagent.runtime.docker_errors import is_status
from nodeagent.runtime.docker_wire import ListedNetwork
from nodeagent.runtime.port import RuntimeUnavailable


class DockerNetworks:
    """`look` and `work` give the client for quick calls and for slow ones; `patience`: seconds to wait for another."""

    def __init__(
        self, look: Callable[[], docker.APIClient], work: Callable[[], docker.APIClient], patience: float
    ) -> None:
        self._look = look
        self._work = work
        self._patience = patience
        self._making = threading.Lock()

    def make(self, name: str, labels: Mapping[str, str]) -> None:
        """One at a time: Docker does not check names well enough to tell two calls at once apart."""
        if not self._making.acquire(timeout=self._patience):
            raise RuntimeUnavailable(f"network {name}: the container runtime takes too long to make another one")
        try:
            there = self._named(name)
            if not there:
                self._create(name, labels)
            elif len(there) > 1:
                self._leave_one(there)
        finally:
            self._making.release()

    def with_labels(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Names; one that two networks have, twice."""
        pairs = [f"{name}={value}" for name, value in labels.items()]
        return tuple(one.name for one in self._list({"label": pairs}))

    def remove(self, name: str) -> None:
        there = self._named(name)
        for one in there:
            # Asked by its id, Podman removes one that is in use.
            self._remove(one.id if len(there) > 1 else name)

    def _create(self, name: str, labels: Mapping[str, str]) -> None:
        try:
            self._work().create_network(name, "bridge", labels=dict(labels), check_duplicate=True)
        except APIError as error:
            if not is_status(error, 409):
                raise

    def _leave_one(self, there: list[ListedNetwork]) -> None:
        """The one that has containers, if there is any. A call whose answer was lost has made the others."""
        left = len(there)
        for one in there:
            if left == 1:
                return
            try:
                self._remove(one.id)
                left -= 1
            except APIError as error:
                if not is_status(error, 403):  # It is in use.
                    raise

    def _remove(self, name_or_id: str) -> None:
        try:
            self._work().remove_network(name_or_id)
        except APIError as error:
            if not is_status(error, 404):
                raise

    def _named(self, name: str) -> list[ListedNetwork]:
        return [one for one in self._list({"name": name}) if one.name == name]

    def _list(self, filters: Mapping[str, str | list[str]]) -> list[ListedNetwork]:
        return msgspec.convert(self._look().networks(filters=dict(filters)), list[ListedNetwork])
