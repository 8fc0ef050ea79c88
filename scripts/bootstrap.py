#!/usr/bin/env python3
"""Makes .venv with the pinned dependencies, from nothing but Python 3.11 or newer; `--dev` adds the tests' tools.

Runs before anything is installed, so it uses the standard library alone. A second run is done at once: what was
installed is recorded under a hash of pyproject.toml. Called by the Makefile and .ci/run.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def say(message: str) -> None:
    sys.stdout.write(f"bootstrap: {message}\n")
    sys.stdout.flush()


def fail(message: str, hint: str) -> None:
    sys.stderr.write(f"bootstrap: error: {message}\n  what to do: {hint}\n")
    sys.exit(1)


def wanted_stamp() -> str:
    """Changes when what is to be installed does, and when the folder or the Python is another."""
    parts = [(ROOT / "pyproject.toml").read_bytes(), str(VENV).encode(), sys.version.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def installed(extra: str, stamp: str) -> bool:
    """What has the tests' tools has the rest too."""
    names = [".installed-dev"] if extra else [".installed-dev", ".installed"]
    return any((VENV / name).is_file() and (VENV / name).read_text() == stamp for name in names)


def make_venv() -> None:
    python = VENV / "bin" / "python"
    if python.exists() and subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return
    if VENV.exists():
        say(f"{VENV} is incomplete; making it anew")
        shutil.rmtree(VENV)
    say(f"making {VENV}")
    if importlib.util.find_spec("ensurepip") is not None:
        run([sys.executable, "-m", "venv", str(VENV)], "the virtual environment could not be made")
    elif shutil.which("virtualenv"):
        say("this Python has no venv module; using virtualenv")
        run(["virtualenv", "--quiet", "--python", sys.executable, str(VENV)], "virtualenv failed")
    else:
        install_venv_module()
        run([sys.executable, "-m", "venv", str(VENV)], "the virtual environment could not be made")


def install_venv_module() -> None:
    """Debian keeps it in a package of its own."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    hint = f"as root: apt-get update && apt-get install {package}; or install virtualenv"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        fail("this Python cannot make virtual environments: its module ensurepip is missing", hint)
    say(f"this Python has no venv module; installing {package} (apt-get)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "-q", "update"], hint, environment)
    run(["apt-get", "-q", "install", "-y", "--no-install-recommends", package], hint, environment)


def install(extra: str) -> None:
    what = f"{ROOT}[{extra}]" if extra else str(ROOT)
    say(f"installing the pinned dependencies{' and the tools of the tests' if extra else ''} into .venv")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--editable", what], "pip failed; is there a way to a package index? (PIP_INDEX_URL names another)")


def run(command: list[str], hint: str, environment: dict[str, str] | None = None) -> None:
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True
    )
    if result.returncode != 0:
        sys.stderr.write(result.stdout)
        fail(f"`{' '.join(command)}` ended with exit code {result.returncode}", hint)


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (this file is what finds out)
        fail(f"Taskyard needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}", "install it")
    extra = "dev" if "--dev" in sys.argv[1:] else ""
    stamp = wanted_stamp()
    if installed(extra, stamp):
        return
    with (ROOT / ".bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed(extra, stamp):
            return
        make_venv()
        install(extra)
        (VENV / (".installed-dev" if extra else ".installed")).write_text(stamp)


if __name__ == "__main__":
    main()
