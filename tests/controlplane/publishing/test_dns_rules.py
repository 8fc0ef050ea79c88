"""What CoreDNS would answer from what is published, by the rules of its etcd plugin: no CoreDNS was to be had to ask.

The rules (https://coredns.io/plugins/etcd/, and the SkyDNS messages that it reads): a name is the path of its labels in
reverse; what is below that path answers, and without any the path itself; each message is an address, or for SRV a port
with the message's own name as its target, which resolves in turn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.controlplane.publishing.test_publishing import World

PATH = "/skydns/"


@dataclass(frozen=True)
class Message:
    name: str
    host: str
    port: int
    ttl: int


class Resolver:
    def __init__(self, entries: dict[str, str]) -> None:
        self._entries = entries

    def addresses(self, name: str) -> list[str]:
        """A records; an address is told once."""
        return sorted({message.host for message in self._messages(name)})

    def services(self, name: str) -> list[tuple[str, int]]:
        """SRV records: target and port."""
        return sorted((message.name, message.port) for message in self._messages(name))

    def _messages(self, name: str) -> list[Message]:
        place = PATH + "/".join(reversed(name.rstrip(".").split(".")))
        below = [key for key in self._entries if key.startswith(f"{place}/")]
        found = below or [key for key in self._entries if key == place]
        return [self._message(key) for key in found]

    def _message(self, key: str) -> Message:
        value = json.loads(self._entries[key])
        return Message(".".join(reversed(key[len(PATH) :].split("/"))), value["host"], value["port"], value["ttl"])


@pytest.fixture
def resolver() -> Resolver:
    world = World()
    world.declare()
    world.runs("web-0", 32768)
    world.runs("web-1", 32770)
    return Resolver(world.there(PATH))


@pytest.mark.parametrize("name", ["web.default.taskyard.local", "http.web.default.taskyard.local."])
def test_a_service_and_a_port_of_it_have_addresses(resolver: Resolver, name: str) -> None:
    assert resolver.addresses(name) == ["127.0.0.1"]


def test_a_port_has_a_target_for_each_task_which_resolves_in_turn(resolver: Resolver) -> None:
    found = resolver.services("http.web.default.taskyard.local")
    assert found == [
        ("web-0.http.web.default.taskyard.local", 32768),
        ("web-1.http.web.default.taskyard.local", 32770),
    ]
    assert [resolver.addresses(target) for target, _ in found] == [["127.0.0.1"], ["127.0.0.1"]]


def test_a_port_without_a_name_goes_by_its_number(resolver: Resolver) -> None:
    assert [port for _, port in resolver.services("53.web.default.taskyard.local")] == [32769, 32771]


def test_what_is_not_there_has_none(resolver: Resolver) -> None:
    assert resolver.addresses("we.default.taskyard.local") == []
    assert resolver.addresses("web.other.taskyard.local") == []
