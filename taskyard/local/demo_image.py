"""`busybox:1.35`, the image that the example manifests and the tests run, where no registry can be reached.

It is pulled when that works; otherwise it is made from Debian's busybox-static, which is the same program, and
labelled as the stand-in that it is.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from taskyard.local.engine import Engine, EngineError
from taskyard.local.errors import LocalError

NAME = "busybox"
TAG = "1.35"
REFERENCE = f"{NAME}:{TAG}"
STAND_IN_LABEL = "taskyard/stand-in"
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
    "etc/group": "root:x:0:\nnobody:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def ensure(engine: Engine, *, pull_timeout: float = 15.0) -> str:
    """Makes sure that the engine has the image, and says in one line how. `pull_timeout` 0: do not ask a registry."""
    if engine.has_image(REFERENCE):
        return f"{REFERENCE} is there already"
    if pull_timeout > 0:
        try:
            engine.pull(NAME, TAG, pull_timeout)
        except EngineError as error:
            reason = f"no registry could be reached ({_short(str(error))})"
        else:
            return f"pulled {REFERENCE}"
    else:
        reason = "no registry was asked"
    build(engine)
    return f"made a stand-in for {REFERENCE} from busybox-static: {reason}"


def build(engine: Engine) -> None:
    binary = _busybox()
    changes = [
        'CMD ["sh"]',
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"LABEL {STAND_IN_LABEL}=debian-busybox-static",
    ]
    message = "stand-in made from Debian's busybox-static, not the image of the public registry"
    engine.import_image(archive(binary.read_bytes(), _applets(binary)), NAME, TAG, changes, message)


def archive(binary: bytes, applets: list[str]) -> io.BytesIO:
    """A root file system: the binary, a link for each applet, and the few files that programs look for."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("home", 0o755), ("tmp", 0o1777)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        _add_file(tar, "bin/busybox", binary, 0o755)
        for applet in applets:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, "busybox", 0o777
            tar.addfile(link)
        for name, text in _FILES.items():
            _add_file(tar, name, text.encode(), 0o644)
    buffer.seek(0)
    return buffer


def _add_file(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _busybox() -> Path:
    found = shutil.which("busybox")
    if found is None:
        raise LocalError(
            f"the image {REFERENCE} is not on this machine, no registry can be reached, and there is no busybox to"
            " make a stand-in from",
            hint="apt-get install busybox-static",
        )
    path = Path(found).resolve()
    if _is_dynamic(path.read_bytes()):
        raise LocalError(
            f"{path} is linked to shared libraries, so it cannot run alone in a container",
            hint="apt-get install busybox-static",
        )
    return path


def _is_dynamic(binary: bytes) -> bool:
    """A dynamic ELF program names its loader right after its headers; a static one may name it only further on."""
    return b"/ld-" in binary[:4096]


def _applets(binary: Path) -> list[str]:
    listed = subprocess.run([str(binary), "--list"], capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if name != "busybox" and "/" not in name]


def _short(text: str) -> str:
    """The end of what the engine says: it puts the cause last."""
    text = " ".join(text.split())
    return text if len(text) <= 90 else "…" + text[-89:]
