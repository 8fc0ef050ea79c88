"""What a browser on this machine must not be talked into: requests by a rebound name, and writes from foreign pages.

The API has no authentication yet; loopback alone would let every web page that the user opens reach it. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from controlplane.api.http.problem import ApiError

_SAFE = ("GET", "HEAD", "OPTIONS")


def check(method: str, host: str | None, origin: str | None, fetch_site: str | None, allowed: Collection[str]) -> None:
    """Raises ApiError (400, 403). `allowed`: names, lower case, besides localhost by which this server may be called.

    An address in Host is always right: a rebound page has a name there. `fetch_site` is Sec-Fetch-Site.
    """
    name = host_of(host)
    if not name:
        raise ApiError(400, "NoHost", "the request has no Host header, or an unreadable one")
    if not (_is_address(name) or name == "localhost" or name.endswith(".localhost") or name in allowed):
        detail = f"this server does not answer to the name {name!r}: start it with --allowed-hosts {name} if it should"
        raise ApiError(403, "ForeignHost", detail)
    if method in _SAFE:
        return
    if origin is not None and urlsplit(origin).netloc.lower() != (host or "").lower():
        raise ApiError(403, "ForeignOrigin", f"a page of {origin!r} may not change anything here")
    if fetch_site not in (None, "same-origin", "none"):
        raise ApiError(403, "ForeignOrigin", f"a {fetch_site} request of a page may not change anything here")


def host_of(header: str | None) -> str:
    """The name or address in a Host header, without port and brackets; empty when there is none."""
    try:
        return (urlsplit(f"//{header or ''}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
