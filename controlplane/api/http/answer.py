"""Putting answers together: JSON bodies, ETags, and how stale they are. Used by every route."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

import falcon.asgi
import msgspec

from controlplane.api.http.request import is_known
from controlplane.api.shown.objects import ShownMetadata

_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    return _encoder.encode(value)


def send(response: falcon.asgi.Response, value: Any, status: int = 200) -> None:
    response.status = status
    response.content_type = "application/json"
    response.data = encode(value)


class Shown(Protocol):
    """An object as it is shown, of whatever kind."""

    @property
    def metadata(self) -> ShownMetadata: ...


def send_object(request: falcon.asgi.Request, response: falcon.asgi.Response, shown: Shown, status: int = 200) -> None:
    """With its ETag: `"<revision>.<digest>"`. If-Match compares the revision, which only a write of the object moves;
    If-None-Match compares all of it, as the status changes without one. 304 when the client has it already."""
    body = encode(shown)
    etag = f"{shown.metadata.revision}.{hashlib.sha256(body).hexdigest()[:12]}"
    response.set_header("ETag", f'"{etag}"')
    if request.method in ("GET", "HEAD") and is_known(request, etag):
        response.status = 304
        return
    response.status = status
    response.content_type = "application/json"
    response.data = body
