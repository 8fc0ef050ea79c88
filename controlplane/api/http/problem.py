"""What the API says when it says no: one exception, the body of RFC 9457, and the table from reasons to statuses.

No HTTP machinery here; errors.py hands these to Falcon. Raised by everything in this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from controlplane.admission import Reason, Refused


class Violation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with what was sent; `path` into the document, `source` and `line` of the file it came from."""

    path: str
    message: str
    hint: str = ""
    source: str = ""
    line: int = 0
    column: int = 0


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An `application/problem+json` body."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    violations: Sequence[Violation] = ()


class ApiError(Exception):
    """Ends the request with this problem. `kind` is one CamelCase word for programs."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        violations: Sequence[Violation] = (),
        retry_after: int = 0,
        instance: str = "",
    ) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        title = HTTPStatus(status).phrase
        self.problem = Problem(f"urn:taskyard:problem:{kind}", title, status, detail, instance, tuple(violations))


_STATUS: dict[Reason, int] = {
    "NotFound": 404,
    "Exists": 409,
    "Deleting": 409,
    "DeclaredElsewhere": 409,
    "Fixed": 409,
    "DependencyCycle": 409,
    "BeyondLimits": 409,
    "Owned": 409,
    "Conflict": 409,
    "PreconditionFailed": 412,
}


def refusal(refused: Refused) -> ApiError:
    detail = f"{refused.message}: {refused.hint}" if refused.hint else refused.message
    return ApiError(_STATUS[refused.reason], refused.reason, detail)


def bad_request(detail: str, kind: str = "BadRequest") -> ApiError:
    return ApiError(400, kind, detail)


def not_found(what: str, hint: str = "") -> ApiError:
    return ApiError(404, "NotFound", f"there is no {what}" + (f": {hint}" if hint else ""))


def unavailable(detail: str, kind: str = "Unavailable", retry_after: int = 2) -> ApiError:
    return ApiError(503, kind, detail, retry_after=retry_after)
