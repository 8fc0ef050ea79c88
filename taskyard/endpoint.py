"""Hosts, ports and lists of them as people write them in settings: pure readers that say what they would accept.

Used by taskyard/config.py; addresses of HTTP servers with a scheme are taskyard/client's.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address

_HOST = re.compile(r"[0-9A-Za-z_](?:[0-9A-Za-z_.-]{0,251}[0-9A-Za-z_.])?", re.ASCII)


def host_name(value: object) -> str:
    """A name, an IPv4 address, or an IPv6 address with or without brackets (returned without)."""
    text = value.strip() if isinstance(value, str) else ""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if _HOST.fullmatch(bare) or _is_ipv6(bare):
        return bare
    raise ValueError(f"{value!r} is not a host: write a name or an address, without a port")


def port_number(value: object) -> int:
    """0 to 65535, as a number or its digits."""
    text = str(value).strip() if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if re.fullmatch(r"\d{1,5}", text, re.ASCII) and int(text) <= 65535:
        return int(text)
    raise ValueError(f"{value!r} is not a port: write a number from 0 to 65535")


def endpoint(value: str, *, default_port: int) -> str:
    """`host:port` of `n1`, `n1:2379`, `http://n1:2379/` or `[::1]:2379`."""
    if value.startswith("https://"):
        raise ValueError(f"{value!r}: TLS is not supported yet; write host:port")
    text = value.removeprefix("http://").rstrip("/")
    bracketed = re.fullmatch(r"(\[[^]]*\])(?::(.*))?", text)
    host, port = bracketed.groups() if bracketed else (text, None)
    if not bracketed and text.count(":") == 1:
        host, port = text.split(":")
    bare = host_name(host)
    number = port_number(port) if port is not None else default_port
    return f"[{bare}]:{number}" if ":" in bare else f"{bare}:{number}"


def name_list(value: object) -> tuple[str, ...]:
    """The items of a list, or of a text with commas; at least one, none empty."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise ValueError(f"{value!r} is not a list of names")
    stripped = tuple(item.strip() for item in items)
    if not stripped or "" in stripped:
        raise ValueError(f"{value!r} has an empty item: write names with a comma between them")
    return stripped


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
