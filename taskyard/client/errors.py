"""What can go wrong between a client and the server, one class for each thing that a caller may do about it.

No I/O here. The transport raises these; the command line prints them with their violations and hints.
"""

from __future__ import annotations

import msgspec

from taskyard.prepare import prepare


class Violation(msgspec.Struct, frozen=True):
    """One thing that is wrong with what was sent: where (`spec.ports[0].host`, in which source), what, what helps."""

    path: str = ""
    message: str = ""
    hint: str = ""
    source: str = ""
    line: int = 0
    column: int = 0


class Problem(msgspec.Struct, frozen=True):
    """An `application/problem+json` body (RFC 9457), fields of a newer server ignored."""

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""
    violations: list[Violation] = []


class ClientError(Exception):
    """Anything that the client raises. The message is for people; `hint` says what to do, when there is something."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ServerUnreachable(ClientError):
    """No answer: nothing listens, the name does not resolve, or it took too long. Trying again may help.

    `sent` is true when the request had left: then a write may have happened.
    """

    def __init__(self, message: str, hint: str = "", *, sent: bool = False) -> None:
        super().__init__(message, hint)
        self.sent = sent


class BadAnswer(ClientError):
    """Something answered that does not speak Taskyard's API, or a different version of it."""


class RequestRefused(ClientError):
    """The server understood and said no; `problem` carries its reasons. Repeating the same will not help."""

    def __init__(self, problem: Problem, hint: str = "") -> None:
        super().__init__(problem.detail or problem.title or f"the server answered {problem.status}", hint)
        self.problem = problem


class NotFound(RequestRefused):
    """404: there is no such object."""


class Conflict(RequestRefused):
    """409 or 412: it exists already, somebody else declares it, or it changed meanwhile. Read again, then decide."""


class TooOld(RequestRefused):
    """410: the revision to resume from was compacted. List again."""


class ServerFailed(RequestRefused):
    """5xx: the server could not, for now (its etcd is away, it is starting). Trying again may help."""


_ETCD_AWAY = (
    "start etcd again and repeat this; what runs goes on meanwhile. Is it the one of `taskyard up`? See taskyard status"
)


def refusal(problem: Problem) -> RequestRefused:
    """The class that fits the problem's status."""
    if problem.status >= 500:
        return ServerFailed(problem, _ETCD_AWAY if problem.type.endswith(":EtcdUnavailable") else "")
    return {404: NotFound, 409: Conflict, 410: TooOld, 412: Conflict}.get(problem.status, RequestRefused)(problem)


prepare(Problem)
