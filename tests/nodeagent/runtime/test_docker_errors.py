"""What Docker says, as a person reads it."""

from __future__ import annotations

import pytest
from docker.errors import APIError

from nodeagent.runtime.docker_errors import explanation

FOREIGN = (
    "driver failed programming external connectivity on endpoint ty-4528487629ea-1-1 (c7e8e4b9a1a1): "
    "Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use"
)
CONTAINER = (
    "driver failed programming external connectivity on endpoint ty-4528487629ea-1-2 (fe4bf27ba709): "
    "Bind for 0.0.0.0:8080 failed: port is already allocated"
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        pytest.param(FOREIGN, "host port 8080 is already in use on the node", id="by a program"),
        pytest.param(CONTAINER, "host port 8080 is already in use on the node", id="by a container"),
        pytest.param(
            "Error: listen udp6 [::]:53: bind: address already in use",
            "host port 53 is already in use on the node",
            id="udp, IPv6",
        ),
        pytest.param("no such file or directory: unknown", "no such file or directory: unknown", id="anything else"),
    ],
)
def test_explanation(said: str, shown: str) -> None:
    assert explanation(APIError("500 Server Error", explanation=said)) == shown
