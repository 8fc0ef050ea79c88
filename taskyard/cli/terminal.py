"""This side of a conversation with a process: our stdin and terminal to it, its output to us, its exit code as ours.

Untrusted bytes go to the terminal as they are only where the user chose a terminal for them (`raw`). A thread reads
stdin and another passes signals and new sizes on, so that a slow network never blocks a signal handler.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from taskyard.channels import PIECE, Channel, Size
from taskyard.cli.screen import Screen
from taskyard.client.console import Console, Ended

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def size() -> Size:
    """The terminal's own word: LINES and COLUMNS in the environment do not follow its resizes."""
    columns, lines = os.get_terminal_size(sys.stdin.fileno())
    return Size(columns, lines)


def converse(console: Console, *, stdin: bool, raw: bool, forward: bool) -> int | None:
    """Until it ends; its exit code, None when it goes on without us. `raw`: our terminal is the process's.

    `forward`: signals that we get are sent to it; a second Ctrl-C is for us.
    """
    out = Screen(sys.stdout.buffer, terminal=sys.stdout.isatty() and not raw)
    err = Screen(sys.stderr.buffer, terminal=sys.stderr.isatty() and not raw)
    with _raw_terminal(raw), _signals(console, resize=raw, forward=forward and not raw):
        if stdin:
            threading.Thread(target=_feed, args=(console,), daemon=True).start()
        try:
            while True:
                channel, payload = console.receive()
                if channel is Channel.STDOUT:
                    out.write(payload)
                elif channel is Channel.STDERR:
                    err.write(payload)
        except Ended as ended:
            return ended.exit_code
        finally:
            out.close()
            err.close()


def _feed(console: Console) -> None:
    descriptor = sys.stdin.fileno()
    while data := os.read(descriptor, PIECE):
        if not console.send(Channel.STDIN, data):
            return
    console.send(Channel.EOF)


@contextmanager
def _raw_terminal(wanted: bool) -> Iterator[None]:
    """Every key goes to the other side, and nothing is echoed here."""
    if not wanted:
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _signals(console: Console, *, resize: bool, forward: bool) -> Iterator[None]:
    news: queue.SimpleQueue[int] = queue.SimpleQueue()
    seen: set[int] = set()

    def note(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in seen:
            raise KeyboardInterrupt
        seen.add(number)
        news.put(number)

    def pass_on() -> None:
        while number := news.get():
            if number == signal.SIGWINCH:
                console.send_json(Channel.RESIZE, size())
            else:
                console.send(Channel.SIGNAL, signal.Signals(number).name.encode())

    wanted = [*([signal.SIGWINCH] if resize else []), *(FORWARDED if forward else ())]
    before = {number: signal.signal(number, note) for number in wanted}
    threading.Thread(target=pass_on, daemon=True).start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        news.put(0)
