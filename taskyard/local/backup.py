"""A backup: one tar file with etcd's snapshot, which brings everything back, and manifests that a person can read.

Made from a running etcd. Restored either into the etcd of `taskyard up`, or by applying the manifests to any cluster,
which removes nothing. What is written is for its owner's eyes alone: it holds the secrets.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from taskyard import __version__, keys
from taskyard.clock import timestamp
from taskyard.kinds import APPLY_ORDER
from taskyard.local.errors import LocalError
from taskyard.local.state import Settings, StateFolder
from taskyard.manifest import to_yaml
from taskyard.manifest.declared import manifest_of
from taskyard.objects import AnyObject, BadValue, NodeSpec, decode, decode_object
from taskyard.store.api import Entry, StoreError
from taskyard.store.etcd import EtcdStore
from taskyard.store.etcd_snapshot import snapshot

SNAPSHOT, MANIFESTS, ABOUT = "snapshot.db", "manifests.yaml", "backup.json"
_PEER = "http://127.0.0.1:2380"
_CHECKSUM = 32
"""Bytes at the end of a snapshot: the SHA-256 of what is before."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a backup. `unreadable`: keys whose values no reader takes; the snapshot has them as they are."""

    version: str
    taken_at: str
    revision: int
    objects: Mapping[str, int]
    unreadable: list[str] = []


def take(endpoints: Sequence[str], target: Path, now: float) -> About:
    """Writes the file, whole or not at all. Raises LocalError."""
    store = EtcdStore(endpoints)
    try:
        listing = store.list(keys.ROOT)
        values, unreadable = declared(listing.entries)
        counts: dict[str, int] = {
            kind: found for kind in APPLY_ORDER if (found := sum(value.kind == kind for value in values))
        }
        about = About(
            version=__version__,
            taken_at=timestamp(now),
            revision=listing.revision,
            objects=counts,
            unreadable=unreadable,
        )
        with _draft(target) as draft, tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            parts = Path(folder)
            (parts / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about)) + b"\n")
            (parts / MANIFESTS).write_text("---\n".join(to_yaml(manifest_of(value)) for value in values))
            with (parts / SNAPSHOT).open("wb") as file:
                for piece in snapshot(endpoints, listing.revision):
                    file.write(piece)
            _check(parts / SNAPSHOT)
            with tarfile.open(draft, "w") as archive:
                for name in (ABOUT, MANIFESTS, SNAPSHOT):
                    archive.add(parts / name, name, filter=_plain)
    except StoreError as error:
        raise LocalError(f"no backup was made: {error}", hint="name an etcd that runs with --etcd HOST:PORT") from error
    except OSError as error:
        raise LocalError(f"no backup was made: {target}: {error.strerror}") from error
    finally:
        store.close()
    return about


def declared(entries: Iterable[Entry]) -> tuple[list[AnyObject | NodeSpec], list[str]]:
    """What people declared, in the order in which it can be applied, and the keys that cannot be read. What a
    controller made, it makes again; what is on its way out is left out."""
    found: list[AnyObject | NodeSpec] = []
    unreadable = []
    for entry in entries:
        key, node = keys.parse_object(entry.key), keys.parse_node(entry.key)
        try:
            if key is not None:
                value: AnyObject | NodeSpec = decode_object(entry.value, key.kind)
            elif node is not None and node.part == "spec":
                value = decode(entry.value, NodeSpec)
            else:
                continue
        except BadValue:
            unreadable.append(entry.key)
            continue
        if value.metadata.owner is None and not value.metadata.deletion_timestamp:
            found.append(value)
    return sorted(found, key=lambda value: APPLY_ORDER.index(value.kind)), unreadable


def read_about(source: Path) -> About:
    """Raises LocalError for what is no backup."""
    with _opened(source) as archive:
        try:
            return msgspec.json.decode(_part(archive, source, ABOUT).read(), type=About)
        except msgspec.DecodeError as error:
            raise LocalError(f"{source} is damaged: {ABOUT}: {error}") from error


def extract(source: Path, folder: Path) -> list[Path]:
    """The three parts as files in the folder, whose snapshot has been checked. Raises LocalError."""
    read_about(source)
    with _opened(source) as archive:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in (ABOUT, MANIFESTS, SNAPSHOT):
                with _private(folder / name) as file:
                    shutil.copyfileobj(_part(archive, source, name), file)
        except OSError as error:
            raise LocalError(f"{error.filename or folder}: {error.strerror}") from error
    _check(folder / SNAPSHOT)
    return [folder / name for name in (ABOUT, MANIFESTS, SNAPSHOT)]


def put_back(source: Path, folder: StateFolder, settings: Settings | None, now: float) -> Path | None:
    """Makes the data of the etcd that `up` starts in this folder anew; where the data before it went, if any.

    Raises LocalError, with everything as it was.
    """
    if settings is not None and not settings.own_etcd:
        raise LocalError(
            f"`taskyard up` in {folder.path} uses an etcd that it does not run ({', '.join(settings.etcd)})",
            hint="use --extract and `etcdctl snapshot restore` on each of its members, or --apply the manifests",
        )
    plan = folder.plan()
    # A Docker Engine of our own goes on, with the containers that the agent is to find again.
    outlives = {child.name for child in plan.children if child.outlives} if plan is not None else set()
    running = [name for name in folder.running_children() if name not in outlives]
    if running or folder.supervisor() is not None:
        what = ", ".join(running) or "the supervisor"
        raise LocalError(
            f"still running in {folder.path}: {what}",
            hint="stop `taskyard up` first: Ctrl-C leaves the containers running, `taskyard down` removes them",
        )
    data = folder.etcd / "data"
    draft = folder.etcd / "data.restored"
    shutil.rmtree(draft, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="taskyard-restore-") as parts:
        extract(source, Path(parts))
        _restore(Path(parts) / SNAPSHOT, draft)
    before = None
    if data.exists():
        before = folder.etcd / f"data.before-{timestamp(now).replace(':', '')}"
        data.rename(before)
    draft.rename(data)
    return before


def _restore(file: Path, data: Path) -> None:
    """As the one member that etcd.py starts; where its peers reach it is settled anew at each start."""
    program = shutil.which("etcdutl") or shutil.which("etcdctl")
    if program is None:
        raise LocalError("neither etcdutl nor etcdctl is installed", hint="apt-get install etcd-client")
    data.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            *(program, "snapshot", "restore", str(file)),
            *("--name", "local", "--data-dir", str(data)),
            *("--initial-cluster", f"local={_PEER}", "--initial-advertise-peer-urls", _PEER),
        ],
        env={**os.environ, "ETCDCTL_API": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalError(f"{program} could not restore the snapshot: {done.stderr.strip()[-500:]}")


def _check(file: Path) -> None:
    """Raises LocalError for a snapshot that was cut off or changed."""
    size = file.stat().st_size
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        left = size - _CHECKSUM
        while left > 0 and (piece := opened.read(min(left, 1 << 20))):
            digest.update(piece)
            left -= len(piece)
        if size <= _CHECKSUM or opened.read() != digest.digest():
            raise LocalError(f"the snapshot in {file.name} is damaged: its checksum is another")


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file beside the target that becomes it once it is whole."""
    draft = target.with_name(f".{target.name}.new")
    _private(draft).close()
    try:
        yield draft
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as archive:
            yield archive
    except OSError as error:
        raise LocalError(f"{source}: {error.strerror}") from error
    except tarfile.TarError as error:
        raise LocalError(f"{source} is no backup of Taskyard: {error}") from error


def _part(archive: tarfile.TarFile, source: Path, name: str) -> IO[bytes]:
    try:
        found = archive.extractfile(archive.getmember(name))
    except KeyError:
        found = None
    if found is None:
        raise LocalError(f"{source} is no backup of Taskyard: there is no {name} in it")
    return found
