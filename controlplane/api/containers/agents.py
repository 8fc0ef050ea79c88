"""The way to a node's agent: requests to its API with the token of its lease, passed on as they come.

What is asked for, and of which task, is the routes'; an agent's no becomes a problem here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

import falcon.asgi
import msgspec

from controlplane.api.http.problem import ApiError, unavailable
from taskyard.exchange import PIECE, Body, BrokenExchange, Exchange, exchange
from taskyard.objects import NodeLease
from taskyard.prepare import prepare

CONNECT_TIMEOUT = 3.0
_MAX_COMPLAINT = 65_536


class _Complaint(msgspec.Struct, frozen=True):
    """What an agent says when it says no, as far as it is passed on."""

    detail: str = ""
    description: str = ""
    title: str = ""


prepare(_Complaint)


@dataclass(frozen=True, slots=True)
class AgentOf:
    """Which agent has a task."""

    uid: str
    node: str
    lease: NodeLease
    awaited: str = ""
    """Why the task may have no container there yet; empty: it has started."""

    @property
    def address(self) -> tuple[str, int]:
        """Raises ApiError for what somebody put into the lease by hand and is none."""
        address, token = self.lease.address, self.lease.token
        host, _, port = address.rpartition(":")
        if not (address + token).isascii() or not (address + token).isprintable():
            raise unavailable(f"the address or token that node {self.node} registered cannot be used", "AgentAway")
        if not host or not port.isdigit() or int(port) > 65535:
            raise self.away(f"{address!r} is no address")
        return host.strip("[]"), int(port)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.lease.token}"}

    def away(self, cause: str) -> ApiError:
        address = self.lease.address
        return unavailable(f"the agent of node {self.node} cannot be reached at {address}: {cause}", "AgentAway")


async def ask(agent: AgentOf, method: str, target: str, body: Body = b"") -> Exchange:
    """An answer that is a success; `target` is path and query, `close` what is returned.

    Raises ApiError: 400, 404 and 409 as the agent says, 503 when it cannot be reached.
    """
    host, port = agent.address
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(host, port, limit=PIECE)
    except (OSError, ValueError) as error:
        raise agent.away("no answer" if isinstance(error, TimeoutError) else str(error)) from error
    try:
        headers = {"Host": agent.lease.address, "Accept": "*/*", **agent.headers}
        answer = await exchange(reader, writer, method, target, headers, body)
    except BrokenExchange as error:
        raise unavailable(f"the agent of node {agent.node} did not answer: {error}", "AgentAway") from error
    if answer.status < 300:
        return answer
    try:
        complaint = await answer.whole(_MAX_COMPLAINT)
    finally:
        answer.close()
    if answer.status == HTTPStatus.GONE and agent.awaited:
        raise ApiError(409, "NoContainer", agent.awaited)
    raise refused(agent.node, answer.status, complaint)


async def pass_on(response: falcon.asgi.Response, agent: AgentOf, target: str, most: int) -> None:
    """What its agent says, as JSON that nobody keeps: at most so many bytes."""
    answer = await ask(agent, "GET", target)
    try:
        response.data = await answer.whole(most)
    finally:
        answer.close()
    response.content_type = "application/json"
    response.set_header("Cache-Control", "no-store")


def refused(node: str, status: int, body: bytes) -> ApiError:
    try:
        complaint = msgspec.json.decode(body, type=_Complaint)
        detail = complaint.detail or complaint.description or complaint.title
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = ""
    told = detail or f"the agent of node {node} answered {status}"
    if status == HTTPStatus.GONE:
        status = 404
    if status in (400, 404, 409):
        return ApiError(status, "AgentRefused", told)
    if status in (429, 500, 502, 503, 504):
        return unavailable(f"node {node}: {told}", "AgentUnavailable")
    return ApiError(502, "AgentRefused", f"node {node}: {told}")
