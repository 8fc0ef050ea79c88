"""A Podman service for tests, behind its Docker-compatible socket, with everything in a folder of its own.

Started by docker_engine.py where the tests are to run on Podman; it needs root. Nothing of the machine's own Podman is
read or changed, but for the address range of its bridge (10.88.0.0/16).
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from taskyard.local.engine import Engine
from taskyard.local.process import identify, stop

_READY = 30.0
_GRACE = 20.0


@contextlib.contextmanager
def running_podman() -> Iterator[tuple[str, int]]:
    """Its address, as DOCKER_HOST has it, and its pid."""
    executable = shutil.which("podman")
    assert executable, "podman is not installed: apt-get install podman"
    folder = Path(tempfile.mkdtemp(prefix="taskyard-podman-", dir="/tmp"))
    log, config = folder / "podman.log", folder / "containers.conf"
    config.write_text(_config())
    podman = [executable, *("--root", str(folder / "root")), *("--runroot", str(folder / "run"))]
    podman += [*("--tmpdir", str(folder / "tmp")), *("--network-config-dir", str(folder / "networks"))]
    host, env = f"unix://{folder}/podman.sock", {**os.environ, "CONTAINERS_CONF": str(config)}
    with log.open("ab") as output:
        service = subprocess.Popen(
            [*podman, "system", "service", "--time", "0", host],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=folder,  # Its monitors leave a file there for each container that runs out of memory.
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _READY
        while not Engine(host).ping():
            assert service.poll() is None, f"podman ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"podman did not answer: {log.read_text()}"
            time.sleep(0.1)
        yield host, service.pid
    finally:
        # The containers' monitors are no children of the service.
        subprocess.run([*podman, "rm", "--all", "--force", "--time", "0"], env=env, capture_output=True, check=False)
        process = identify(service.pid)
        stop([process] if process else [], grace=_GRACE)
        service.wait()
        for mount in (folder / "root" / "overlay", *(folder / "run").rglob("shm")):
            subprocess.run(["umount", "-l", str(mount)], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _config() -> str:
    """Podman's own limits for containers are higher than what a service without CAP_SYS_RESOURCE may give."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return (
        "[containers]\n"
        f'default_ulimits = ["nofile={files}:{files}", "nproc=32768:32768"]\n'
        "[engine]\n"
        'cgroup_manager = "cgroupfs"\n'
        'events_logger = "file"\n'
    )
