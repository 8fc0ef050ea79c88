"""What a container tells of itself: the body of one GET, whole, or in few words why there is none."""

from __future__ import annotations

import http.client

from nodeagent.asking import TooLarge, ask, get, parsed
from taskyard.clock import Clock

LONGEST = 3.0
"""Seconds."""
LARGEST = 1024 * 1024
"""Bytes, headers included."""


class Unreadable(Exception):
    """The message says why, in few words that are the same for the same fault."""


def fetch(clock: Clock, address: str, port: int, path: str, *, longest: float = LONGEST, largest: int = LARGEST) -> str:
    """The body of a 200. Raises Unreadable."""
    request = get(address, port, path, "Accept: text/plain;version=0.0.4", "Accept-Encoding: identity")
    try:
        raw = ask(clock, (address, port), request, longest=longest, largest=largest, enough=_is_whole)
    except TooLarge as error:
        raise Unreadable(f"the answer has more than {largest // 1024} KiB") from error
    except ConnectionRefusedError as error:
        raise Unreadable("connection refused") from error
    except TimeoutError as error:
        raise Unreadable("no answer in time") from error
    except OSError as error:
        raise Unreadable(error.strerror or type(error).__name__) from error
    try:
        answer = parsed(raw)
        body = answer.read()
    except (http.client.HTTPException, ValueError) as error:
        raise Unreadable("the answer is not HTTP") from error
    if answer.status != 200:
        raise Unreadable(f"HTTP status {answer.status}")
    if answer.getheader("Content-Encoding", "identity") != "identity":
        raise Unreadable("the answer is compressed, which was not asked for")
    return body.decode("utf-8", "replace")


_LENGTH = b"\r\ncontent-length:"


def _is_whole(received: bytes) -> bool:
    """For those who leave the connection open all the same: as far as the answer says how long it is."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return False
    lowered = head.lower()
    if _LENGTH in lowered:
        length = lowered.partition(_LENGTH)[2].partition(b"\r\n")[0].strip()
        return length.isdigit() and len(length) < 10 and len(body) >= int(length)
    return b"\r\ntransfer-encoding: chunked" in lowered and body.endswith(b"0\r\n\r\n")
