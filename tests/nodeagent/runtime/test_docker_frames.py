"""Docker's multiplexed stream is taken apart the same however it was cut into pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nodeagent.runtime.docker_frames import STDERR, STDOUT, Demultiplexer

FRAMES = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=300)), max_size=20)


def encoded(frames: list[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes([stream, 0, 0, 0]) + len(data).to_bytes(4) + data for stream, data in frames)


@given(FRAMES, st.lists(st.integers(0, 7000), max_size=8))
def test_frames_survive_any_cut(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    wire = encoded(frames)
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    demultiplexer = Demultiplexer()
    pieces = [wire[a:b] for a, b in pairwise(edges)]
    assert [frame for piece in pieces for frame in demultiplexer.frames(piece)] == frames


def test_payloads_keep_the_order_of_both_streams() -> None:
    wire = encoded([(STDOUT, b"one\n"), (STDERR, b"two\n"), (STDOUT, b"three\n")])
    demultiplexer = Demultiplexer()
    assert demultiplexer.payloads(wire[:11]) + demultiplexer.payloads(wire[11:]) == b"one\ntwo\nthree\n"
