"""What a container wrote does nothing to a terminal but colour it, however it is cut into pieces."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskyard.cli.screen import Harmless, Screen


def shown(*pieces: bytes) -> bytes:
    harmless = Harmless()
    return b"".join([*(harmless(piece) for piece in pieces), harmless.rest()])


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param("grüß 日本\tx\r\n".encode(), "grüß 日本\tx\r\n".encode(), id="text"),
        pytest.param(b"\x1b[1;31mred\x1b[0m", b"\x1b[1;31mred\x1b[0m", id="colours"),
        pytest.param(b"\x1b]0;owned\x07", b"^[]0;owned^G", id="title"),
        pytest.param(b"\x1b[2J\x1b[6n", b"^[[2J^[[6n", id="clear and report"),
        pytest.param(b"a\x08b\x7f\x00", b"a^Hb^?^@", id="backspace, delete, zero"),
        pytest.param("\x9b2J".encode(), b"\\x9b2J", id="C1"),
        pytest.param(b"\x1b", b"^[", id="cut off"),
        pytest.param(b"\xff\xfe", b"\xff\xfe", id="not text"),
    ],
)
def test_what_is_seen(written: bytes, seen: bytes) -> None:
    assert shown(written) == seen


@given(st.lists(st.sampled_from([b"\x1b", b"[", b"3", b"1;", b"m", b"x", b"\xc2", b"\x9b", b"\n"])), st.data())
def test_pieces_make_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    assert shown(*(whole[a:b] for a, b in pairwise([0, *cuts, len(whole)]))) == shown(whole)


def test_a_file_gets_every_byte() -> None:
    out = io.BytesIO()
    screen = Screen(out, terminal=False)
    screen.write(b"\x1b[2J\xc2")
    screen.close()
    assert out.getvalue() == b"\x1b[2J\xc2"
