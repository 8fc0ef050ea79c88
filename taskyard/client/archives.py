"""Files and folders as tar streams, for `cp`: what is packed is what was named, what is unpacked stays in its folder.

An archive that comes out of a container was made by whoever controls it. So nothing in it may lead out of the folder
that it is unpacked into: no absolute path, no `..`, no way through a link, no link that points outside, no device.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

_PIECE = 65_536


class Unsafe(Exception):
    """The archive was refused; the message names the entry and why. What came before it is there."""


class PieceReader(io.RawIOBase):
    """An iterator of pieces as a file, for tarfile."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


class _Collector(io.RawIOBase):
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        data = b"".join(self.pieces)
        self.pieces.clear()
        return data


def packed(source: Path, name: str) -> Iterator[bytes]:
    """The file or folder as a tar stream in which it is called `name`. Links stay links. Raises OSError."""
    out = _Collector()
    with tarfile.open(fileobj=cast(IO[bytes], out), mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in _walk(source):
            inside = name if path == source else f"{name}/{path.relative_to(source).as_posix()}"
            if path.is_socket():
                continue  # It is nothing without its process.
            info = archive.gettarinfo(path, inside)
            if info.isreg():
                with path.open("rb") as file:
                    archive.addfile(info, file)
            else:
                archive.addfile(info)
            yield out.taken()
    yield out.taken()


def unpack(
    pieces: Iterator[bytes], folder: Path, rename: str = "", told: Callable[[str], None] = lambda _: None
) -> int:
    """Into `folder`, which exists; the first part of each name becomes `rename`. The number of files.

    Raises Unsafe, OSError, tarfile.TarError. Owners are ours, set-id bits are dropped, files are replaced.
    """
    count = 0
    root = folder.resolve()
    with tarfile.open(fileobj=io.BufferedReader(PieceReader(pieces), _PIECE), mode="r|") as archive:
        for info in archive:
            parts = _parts(info.name)
            if rename and parts:
                parts = (rename, *parts[1:])
            target = _inside(root, parts, info.name)
            if info.isdir():
                _make_folder(target)
            elif info.isreg():
                _write(archive, info, target)
                count += 1
            elif info.issym():
                _link(info, target, root)
            elif info.islnk():
                told(f"{info.name}: a hard link, copied as a file")
                first = _parts(info.linkname)
                source = _inside(root, (rename, *first[1:]) if rename else first, info.name)
                _clear(target)
                shutil.copyfile(source, target, follow_symlinks=False)
                count += 1
            else:
                told(f"{info.name}: neither a file nor a folder, left out")
    return count


def _walk(source: Path) -> Iterator[Path]:
    yield source
    if source.is_dir() and not source.is_symlink():
        for path in sorted(source.iterdir()):
            yield from _walk(path)


def _parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise Unsafe(f"the archive has {name!r}, which leads out of the folder: nothing more is unpacked")
    return path.parts


def _inside(root: Path, parts: tuple[str, ...], name: str) -> Path:
    """Where it goes; every folder on the way is a real one in `root`."""
    target = root
    for part in parts[:-1]:
        target /= part
        if target.is_symlink():
            raise Unsafe(f"the archive has {name!r}, which goes through a link: nothing more is unpacked")
        target.mkdir(exist_ok=True)
    return target / parts[-1] if parts else root


def _make_folder(target: Path) -> None:
    if target.is_symlink():
        raise Unsafe(f"{target} is a link where the archive has a folder: nothing more is unpacked")
    target.mkdir(exist_ok=True)


def _write(archive: tarfile.TarFile, info: tarfile.TarInfo, target: Path) -> None:
    _clear(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
        content = archive.extractfile(info)
        if content is not None:
            shutil.copyfileobj(content, file, _PIECE)
        os.fchmod(file.fileno(), stat.S_IMODE(info.mode) & 0o777)
    os.utime(target, (info.mtime, info.mtime))


def _link(info: tarfile.TarInfo, target: Path, root: Path) -> None:
    """Kept as it is when it stays inside, by its text alone: what it leads to may come later."""
    leads_to = os.path.normpath(target.parent / info.linkname)
    if os.path.isabs(info.linkname) or not Path(leads_to).is_relative_to(root):
        raise Unsafe(f"the archive has {info.name!r}, a link to {info.linkname!r}: nothing more is unpacked")
    _clear(target)
    target.symlink_to(info.linkname)


def _clear(target: Path) -> None:
    if target.is_symlink() or target.exists():
        if target.is_dir() and not target.is_symlink():
            raise Unsafe(f"{target} is a folder where the archive has a file: nothing more is unpacked")
        target.unlink()
