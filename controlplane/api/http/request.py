"""Reading requests strictly: query parameters, bodies with a limit, preconditions. Raises ApiError.

A parameter that is not known is an error: `?lableSelector=` taken for no selector would list, or drain, everything.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Iterable, Mapping

import falcon.asgi

from controlplane.admission import ANY
from controlplane.api.http.problem import ApiError, Violation, bad_request
from taskyard.keys import CLUSTER_NAMESPACE, NamedKey
from taskyard.manifest.limits import MAX_DOCUMENT_BYTES, MAX_STREAM_BYTES
from taskyard.object_name import ACCEPTED, is_object_name

MAX_BODY = MAX_DOCUMENT_BYTES
MAX_BODIES = MAX_STREAM_BYTES
"""Of a body that holds many objects, each within MAX_BODY."""
MAX_GRACE = 86_400.0
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
_TRUE = ("1", "true", "yes", "")
_FALSE = ("0", "false", "no")
_FLAGS = frozenset(
    ("consistent", "dryRun", "follow", "force", "owned", "previous", "prune", "stat", "timestamps", "watch")
)
_WHOLE = frozenset(("limit", "maxMoves", "revision", "tail"))


class Params:
    """The query of one request, of which only `known` parameters may be given, each once. All that is wrong with it by
    itself is told at once; what is beyond a route's own limits, when that reads it."""

    def __init__(self, request: falcon.asgi.Request, known: Iterable[str]) -> None:
        names = sorted(known)
        faults: dict[str, str] = {}
        self._given: dict[str, str] = {}
        for name, value in request.params.items():
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none'}"
                faults[name] = f"there is no query parameter {name!r} here; {hint}"
            elif not isinstance(value, str):
                faults[name] = f"the query parameter {name!r} is given more than once"
            elif fault := _fault(name, value):
                faults[name] = fault
            else:
                self._given[name] = value
        if faults:
            raise _bad_query(faults)

    def text(self, name: str, default: str = "") -> str:
        return self._given.get(name) or default

    def flag(self, name: str) -> bool:
        assert name in _FLAGS, "what is not in the table is not checked"
        return self._given.get(name, "0").lower() in _TRUE

    def whole(self, name: str, default: int, *, low: int = 0, high: int = 2**62) -> int:
        text = self._given.get(name)
        if not text:
            return default
        if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or not low <= int(text) <= high:
            raise bad_request(f"{name}={text!r} is not a whole number from {low} to {high}")
        return int(text)

    def seconds(self, name: str, high: float) -> float | None:
        text = self._given.get(name)
        if not text:
            return None
        if not re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text, re.ASCII) or float(text) > high:
            raise bad_request(f"{name}={text!r} is not a number of seconds from 0 to {high:g}")
        return float(text)

    def page_start(self) -> NamedKey | None:
        """From the `continue` of the page before."""
        token = self._given.get("continue")
        if not token:
            return None
        try:
            namespace, name = base64.urlsafe_b64decode(token.encode()).decode().split("/")
        except (binascii.Error, ValueError) as error:
            raise bad_request(
                "'continue' is not a token of this API: pass metadata.continue of the last page"
            ) from error
        return NamedKey(namespace, name)


def page_token(last: NamedKey | None) -> str:
    return base64.urlsafe_b64encode(f"{last.namespace}/{last.name}".encode()).decode() if last else ""


def _fault(name: str, value: str) -> str:
    """Of a parameter that means the same on every route; empty: none."""
    if name in _FLAGS and value.lower() not in _TRUE + _FALSE:
        return f"{name}={value!r} is neither true nor false: write {name}=1 or {name}=0"
    if name in _WHOLE and value and not re.fullmatch(r"\d{1,19}", value, re.ASCII):
        return f"{name}={value!r} is not a whole number"
    # A namespace that cannot be is a slip of the pen: an empty list in answer would look like an empty namespace.
    if name == "namespace" and value and not is_object_name(value) and value != CLUSTER_NAMESPACE:
        return f"namespace={value!r} is not a namespace's name: use {ACCEPTED}"
    return ""


def _bad_query(faults: Mapping[str, str]) -> ApiError:
    if len(faults) == 1:
        (name, detail), *_ = faults.items()
        return bad_request(detail, "BadNamespace" if name == "namespace" else "BadRequest")
    violations = [Violation(name, fault) for name, fault in faults.items()]
    detail = f"{len(faults)} query parameters are wrong: {'. '.join(faults.values())}"
    return ApiError(400, "BadRequest", detail, violations=violations)


async def read_body(request: falcon.asgi.Request, accepted: Iterable[str], limit: int = MAX_BODY) -> tuple[bytes, str]:
    """The body and its media type. 415 before anything is read; 413 as soon as it is known to be too large."""
    media_type, charset = _content_type(request)
    if media_type not in accepted:
        named = f"{media_type!r} is not accepted here" if media_type else "there is no Content-Type header"
        raise ApiError(415, "ContentType", f"{named}: send Content-Type: {' or '.join(accepted)}")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise ApiError(415, "ContentType", f"charset {charset!r} is not accepted: send UTF-8")
    if request.get_header("Content-Encoding", default="identity").lower() != "identity":
        raise ApiError(415, "ContentEncoding", "compressed bodies are not accepted: send it as it is")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for piece in request.stream:
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body), media_type


def if_match(request: falcon.asgi.Request) -> int | None:
    """The revision that the object must be at, ANY for `*`, None without the header. 412 when it cannot match."""
    header = request.get_header("If-Match")
    if header is None:
        return None
    if header.strip() == "*":
        return ANY
    match = re.fullmatch(r'\s*"?(\d{1,19})(?:\.[0-9a-f]+)?"?\s*', header, re.ASCII)
    if match is None:
        detail = f"If-Match: {header} is no ETag of this API: send one as it came, or the object's metadata.revision"
        raise ApiError(412, "PreconditionFailed", detail)
    return int(match[1])


def is_known(request: falcon.asgi.Request, etag: str) -> bool:
    """Whether If-None-Match says that the client has this answer already."""
    header = request.get_header("If-None-Match", default="")
    return any(part.strip().removeprefix("W/") in (f'"{etag}"', "*") for part in header.split(","))


def _content_type(request: falcon.asgi.Request) -> tuple[str, str]:
    header = request.content_type or ""
    media_type, *parameters = (part.strip().lower() for part in header.split(";"))
    charset = next((p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    return media_type, charset


def _too_large(limit: int) -> ApiError:
    return ApiError(413, "TooLarge", f"the body is larger than {limit >> 20} MiB, which is the limit: send it in parts")
