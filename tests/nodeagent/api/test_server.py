"""Where the agent's API listens."""

from __future__ import annotations

import socket

import pytest

from nodeagent.api.server import bind


@pytest.mark.parametrize(
    ("address", "host"),
    [
        pytest.param("127.0.0.1:0", "127.0.0.1", id="IPv4"),
        pytest.param("[::1]:0", "::1", id="IPv6"),
        pytest.param("localhost:0", "127.0.0.1", id="name"),
    ],
)
def test_answers_are_sent_at_once(address: str, host: str) -> None:
    """Without TCP_NODELAY an answer in two writes waits 40 ms for the client's acknowledgement."""
    with bind(address) as bound:
        port = bound.getsockname()[1]
        with socket.create_connection((host, port)):
            accepted, _ = bound.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
