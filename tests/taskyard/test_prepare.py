"""Decoding in many threads from the first moment on: whatever is decoded must have been prepared at import."""

from __future__ import annotations

import subprocess
import sys

import pytest

_RACE = """
import sys, threading
import msgspec
sys.setswitchinterval(1e-6)
{imports}
for kind in ({kinds},):
    barrier = threading.Barrier(8)
    def decode():
        barrier.wait()
        for _ in range(100):
            try:
                msgspec.json.decode(b'{{"spec":{{"image":"x"}},"metadata":{{"name":"a"}},"capacity":{{}}}}', type=kind)
            except msgspec.ValidationError:
                pass
    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        ("taskyard.objects", "Task TaskStatus Assignment NodeSpec NodeLease NodeStats Event"),
        ("taskyard.store.elector", "Leader"),
        ("taskyard.client.views", "TaskView NodeView EventView Listed ApplyAnswer WatchLine StatsView VersionView"),
        ("taskyard.client.errors", "Problem"),
        ("controlplane.api.objects.bodies", "_Envelope"),
        ("controlplane.api.containers.agents", "_Complaint"),
        ("nodeagent.runtime.docker_wire", "Inspected Listed EventMessage Version PullLine"),
    ],
)
def test_threads_may_decode_at_once(module: str, kinds: str) -> None:
    names = kinds.split()
    script = _RACE.format(imports=f"from {module} import {', '.join(names)}", kinds=", ".join(names))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_it_the_process_dies() -> None:
    """When this fails, msgspec is mended: drop taskyard.prepare."""
    structs = "".join(
        f"class A{n}(msgspec.Struct):\n    x: dict[str, str] = {{}}\n    y: list[int] = []\n"
        f"class B{n}(msgspec.Struct):\n    spec: A{n}\n    metadata: list[A{n}] = []\n"
        for n in range(200)
    )
    kinds = ", ".join(f"B{n}" for n in range(200))
    script = _RACE.format(imports=structs, kinds=kinds)
    assert any(subprocess.run([sys.executable, "-c", script], check=False).returncode < 0 for _ in range(5))
