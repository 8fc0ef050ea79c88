"""Signals reach a process at whatever step its main thread is."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_a_signal_is_heard_while_the_main_thread_holds_what_hearing_it_needs() -> None:
    program = """
import os, signal, threading
from taskyard.endings import heed

lock, ended = threading.Lock(), threading.Event()

def end(number):
    with lock:
        ended.set()

heed((signal.SIGTERM,), end)
with lock:
    os.kill(os.getpid(), signal.SIGTERM)
print(ended.wait(10))
"""
    assert run(program) == "True\n"


def test_each_signal_is_heard_once_and_in_order() -> None:
    program = """
import os, queue, signal
from taskyard.endings import heed

heard = queue.SimpleQueue()
heed((signal.SIGTERM, signal.SIGUSR1), heard.put)
sent = [signal.SIGTERM, signal.SIGUSR1] * 50
got = []
for number in sent:
    os.kill(os.getpid(), number)
    got.append(heard.get(timeout=10))
print(got == sent)
"""
    assert run(program) == "True\n"


def test_other_signals_do_what_they_did() -> None:
    program = """
import os, signal, threading
from taskyard.endings import heed
heard, other = threading.Event(), []
signal.signal(signal.SIGUSR2, lambda number, _: other.append(number))
heed((signal.SIGTERM,), lambda number: heard.set())
os.kill(os.getpid(), signal.SIGUSR2)
assert not heard.wait(0.2)
os.kill(os.getpid(), signal.SIGTERM)
assert heard.wait(10)
print(other == [signal.SIGUSR2])
"""
    assert run(program) == "True\n"


def run(program: str) -> str:
    try:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail("a signal was not heard")
    assert done.returncode == 0, done.stderr
    return done.stdout
