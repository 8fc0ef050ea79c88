"""etcd as its JSON gateway tells it, read without any of Taskyard's own store code: the independent look.

One client per member. Values come as they are; keys and revisions in the store's own words (KeyEvent, Entry).
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chaos.network import Namespace
from taskyard.store.api import Entry, KeyEvent, Listing

_TIMEOUT = 3.0


class MemberUnavailable(Exception):
    """This member did not answer, or could not."""


@dataclass(frozen=True, slots=True)
class MemberStatus:
    leads: bool
    term: int
    revision: int
    size: int
    """Bytes of its database, as on disk."""
    member: str
    """Its id, in decimal."""


class Member:
    """`host`: the etcd member's address, reached from inside `namespace`."""

    def __init__(self, namespace: Namespace, host: str, port: int) -> None:
        self._namespace = namespace
        self._host = host
        self._port = port

    def status(self) -> MemberStatus:
        said = self._ask("/v3/maintenance/status", {})
        return MemberStatus(
            said.get("leader") == said["header"]["member_id"],
            int(said.get("raftTerm", 0)),
            int(said["header"].get("revision", 0)),
            int(said.get("dbSize", 0)),
            str(said["header"]["member_id"]),
        )

    def list(self, prefix: str) -> Listing:
        """Linearizable."""
        said = self._ask("/v3/kv/range", {"key": _b64(prefix), "range_end": _b64(_end_of(prefix))})
        entries = tuple(_entry(one) for one in said.get("kvs", []))
        return Listing(entries, int(said["header"]["revision"]))

    def put(self, key: str, value: bytes) -> int:
        """The revision."""
        said = self._ask("/v3/kv/put", {"key": _b64(key), "value": base64.b64encode(value).decode()})
        return int(said["header"]["revision"])

    def delete(self, key: str) -> None:
        """One key; all under it, when it ends in a slash."""
        whole = {"range_end": _b64(_end_of(key))} if key.endswith("/") else {}
        self._ask("/v3/kv/deleterange", {"key": _b64(key), **whole})

    def lead(self, member: str) -> None:
        """This member, which leads, has the member with that id lead instead."""
        self._ask("/v3/maintenance/transfer-leadership", {"targetID": member})

    def compact(self, revision: int) -> None:
        self._ask("/v3/kv/compaction", {"revision": str(revision), "physical": True})

    def defragment(self) -> None:
        self._ask("/v3/maintenance/defragment", {})

    def out_of_space(self) -> tuple[str, ...]:
        """Ids of the members that have raised the alarm: while there is one, etcd takes no more keys."""
        said = self._ask("/v3/maintenance/alarm", {"action": "GET"})
        return tuple(str(one["memberID"]) for one in said.get("alarms", []) if one.get("alarm") == "NOSPACE")

    def disarm(self, member: str) -> None:
        self._ask("/v3/maintenance/alarm", {"action": "DEACTIVATE", "memberID": member, "alarm": "NOSPACE"})

    def watch(self, prefix: str, start_revision: int, *, silence: float) -> Iterator[tuple[KeyEvent, ...]]:
        """Batches that never split a revision; empty ones are signs of life. Ends with MemberUnavailable when the
        connection does, or after `silence` seconds without a word."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=silence)
        create = {"key": _b64(prefix), "range_end": _b64(_end_of(prefix)), "start_revision": start_revision}
        try:
            connection.sock = self._namespace.connect(self._host, self._port, silence)
            connection.request("POST", "/v3/watch", json.dumps({"create_request": {**create, "progress_notify": True}}))
            answer = connection.getresponse()
            while line := answer.readline():
                said = json.loads(line).get("result", {})
                if said.get("canceled"):
                    raise MemberUnavailable(f"{self._host}: the watch was cancelled: {said}")
                yield tuple(_event(one) for one in said.get("events", []))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise MemberUnavailable(f"{self._host}: {error!r}") from error
        finally:
            connection.close()
        raise MemberUnavailable(f"{self._host}: the watch ended")

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT)
        try:
            connection.sock = self._namespace.connect(self._host, self._port, _TIMEOUT)
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise MemberUnavailable(f"{self._host}{path}: {error!r}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise MemberUnavailable(f"{self._host}{path}: HTTP {answer.status}: {text.decode(errors='replace')}")
        said: dict[str, Any] = json.loads(text)
        return said


def _event(said: dict[str, Any]) -> KeyEvent:
    entry = _entry(said["kv"])
    gone = said.get("type") == "DELETE"
    return KeyEvent(entry.key, None if gone else entry, entry.mod_revision)


def _entry(said: dict[str, Any]) -> Entry:
    return Entry(
        key=base64.b64decode(said["key"]).decode(),
        value=base64.b64decode(said.get("value", "")),
        create_revision=int(said.get("create_revision", 0)),
        mod_revision=int(said["mod_revision"]),
        version=int(said.get("version", 0)),
        lease=int(said.get("lease", 0)),
    )


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _end_of(prefix: str) -> str:
    """The first key after all that start with the prefix, whose last character is ASCII."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
