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

from controlplane.api.http.problem import ApiError

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_KINDS = {400: "BadRequest", 404: "NotFound", 405: "MethodNotAllowed"}


def install(app: falcon.asgi.App[Any, Any]) -> None:
    app.set_error_serializer(_serialize)
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(falcon.HTTPError, _of_falcon)
    app.add_error_handler(ApiError, _ours)


Response = falcon.asgi.Response
WebSocket = falcon.asgi.WebSocket


async def _ours(
    _: falcon.asgi.Request, response: Response | None, error: ApiError, __: dict[str, Any], ws: WebSocket | None = None
) -> None:
    await _answer(response, ws, error)


async def _of_falcon(
    request: falcon.asgi.Request,
    response: Response | None,
    error: falcon.HTTPError,
    _: dict[str, Any],
    ws: WebSocket | None = None,
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
    if response:
        for name, value in dict(error.headers or {}).items():
            response.set_header(name, value)
    await _answer(response, ws, ApiError(status, kind, detail))


async def _unexpected(
    request: falcon.asgi.Request,
    response: Response | None,
    error: Exception,
    _: dict[str, Any],
    ws: WebSocket | None = None,
) -> None:
    ident = secrets.token_hex(6)
    _log.error("request %s failed: %s %s", ident, request.method, request.path, exc_info=error)
    detail = f"something went wrong here; the server's log has it under {ident}"
    await _answer(response, ws, ApiError(500, "Internal", detail, instance=f"urn:taskyard:failure:{ident}"))


def _serialize(_: falcon.asgi.Request, __: falcon.asgi.Response, error: falcon.HTTPError) -> NoReturn:
    """Never called, as every HTTPError has a handler; Falcon's own would write another form."""
    raise AssertionError(error)


async def _answer(response: Response | None, ws: WebSocket | None, error: ApiError) -> None:
    """A WebSocket has no body for the problem: its code is the status, and 3000."""
    if response is None:
        if ws and not ws.closed:
            await ws.close(3000 + error.problem.status)
        return
    response.status = error.problem.status
    response.content_type = MEDIA_TYPE
    response.text = None
    response.stream = None
    response.data = msgspec.json.encode(error.problem)
    if error.retry_after:
        response.set_header("Retry-After", str(error.retry_after))
