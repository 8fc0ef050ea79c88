"""listen: a bound socket for an HTTP server of ours. Both planes serve their API from one; nobody answers here.

Bound apart from serving, so that a taken port is an error of the start, and the port that was picked can be told.
"""

from __future__ import annotations

import socket

_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """`host` is a name or an address, IPv6 without brackets; port 0 picks a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    # Inherited by each connection. asyncio only sets it on sockets that name their protocol, and without it an answer
    # waits 40 ms for the client's delayed acknowledgement.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound
