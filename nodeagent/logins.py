"""Logins for private registries, from the Secret that a task's `pullSecret` names; read anew for each pull.

A login goes to the runtime and nowhere else: no message, event or log holds its password. Called by pulls, in a lane.
"""

from __future__ import annotations

import msgspec

from nodeagent.runtime.port import Login
from nodeagent.values import ValueMissing, read_data
from taskyard.keys import ObjectKey
from taskyard.objects import Assignment
from taskyard.store.api import Store

KEYS = ("registry", "username", "password")
_DOCKER_HUB = "docker.io"
_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")


class Wish(msgspec.Struct, frozen=True, gc=False):
    """An image that a task waits for. `secret`: where the login is; None: the runtime's host has one, or none is
    needed. What one login may fetch is not fetched for another."""

    image: str
    secret: ObjectKey | None = None


def wish_for(assignment: Assignment, image: str) -> Wish:
    name = assignment.spec.pull_secret
    return Wish(image, ObjectKey("Secret", assignment.namespace, name) if name else None)


def wishes_of(assignment: Assignment) -> frozenset[Wish]:
    """All that it may have."""
    spec = assignment.spec
    beside = [*(one.image for one in spec.init), *(one.image for one in spec.sidecars)]
    images = {spec.image, *(image for image in beside if image)}
    return frozenset(wish_for(assignment, image) for image in images)


class Logins:
    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, wish: Wish) -> Login | None:
        """Raises ValueMissing, StoreUnavailable."""
        key = wish.secret
        if key is None:
            return None
        data = read_data(self._store, key)
        missing = [name for name in KEYS if not data.get(name)]
        if missing:
            raise ValueMissing(
                "PullSecretUnfit", f"{key.label} is no login for a registry: it has no {' and no '.join(missing)}"
            )
        login = Login(_plain(data["registry"]), data["username"], data["password"], key.label)
        wanted = registry_of(wish.image)
        if login.registry != wanted:
            # Else whoever may write a manifest could have the password sent to a registry of theirs.
            raise ValueMissing(
                "PullSecretUnfit",
                f"{key.label} has a login for {login.registry}, and image {wish.image} is from {wanted}",
            )
        return login


def registry_of(image: str) -> str:
    """By Docker's rule: the first part is a registry when it could not be a folder of Docker Hub."""
    first, slash, _ = image.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else _DOCKER_HUB


def _plain(registry: str) -> str:
    """As in an image's name; Docker's own configuration writes `https://index.docker.io/v1/`."""
    host = registry.removeprefix("https://").removeprefix("http://").partition("/")[0].lower()
    return _DOCKER_HUB if host in _HUB_NAMES else host
