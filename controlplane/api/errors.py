"""Every failure as a problem+json answer: ours, Falcon's own (unknown route, method), and what nobody expected.

The last kind says an id and no more; the traceback goes to the log under that id.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any, NoReturn

import falcon
import falcon.asgi
import msgspec

from controlplane.api.problem import ApiError, Problem

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_KINDS = {400: "BadRequest", 404: "NotFound", 405: "MethodNotAllowed"}


def install(app: falcon.asgi.App[Any, Any]) -> None:
    app.set_error_serializer(_serialize)
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(falcon.HTTPError, _of_falcon)
    app.add_error_handler(ApiError, _ours)


async def _ours(_: falcon.asgi.Request, response: falcon.asgi.Response, error: ApiError, __: dict[str, Any]) -> None:
    _answer(response, error.problem)
    if error.retry_after:
        response.set_header("Retry-After", str(error.retry_after))


async def _of_falcon(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: falcon.HTTPError, _: dict[str, Any]
) -> None:
    status = error.status_code
    kind = _KINDS.get(status, "Refused")
    detail = error.description or error.title or ""
    if isinstance(error, falcon.HTTPRouteNotFound):
        detail = f"there is no {request.path} here: see docs/rest.md for what there is"
    if status == 405:
        detail = f"{request.method} is not for {request.path}"
        allowed = (error.headers or {}).get("Allow", "") if isinstance(error.headers, dict) else ""
        detail += f": it takes {allowed}" if allowed else ""
    for name, value in dict(error.headers or {}).items():
        response.set_header(name, value)
    _answer(response, ApiError(status, kind, detail).problem)


async def _unexpected(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, _: dict[str, Any]
) -> None:
    ident = secrets.token_hex(6)
    _log.error("request %s failed: %s %s", ident, request.method, request.path, exc_info=error)
    detail = f"something went wrong here; the server's log has it under {ident}"
    _answer(response, ApiError(500, "Internal", detail, instance=f"urn:taskyard:failure:{ident}").problem)


def _serialize(_: falcon.asgi.Request, __: falcon.asgi.Response, error: falcon.HTTPError) -> NoReturn:
    """Never called, as every HTTPError has a handler; Falcon's own would write another form."""
    raise AssertionError(error)


def _answer(response: falcon.asgi.Response, problem: Problem) -> None:
    response.status = problem.status
    response.content_type = MEDIA_TYPE
    response.text = None
    response.stream = None
    response.data = msgspec.json.encode(problem)
