"""What is packed comes out as it went in, and no archive writes outside the folder it is unpacked into."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskyard.client.archives import Unsafe, packed, unpack


def archive(*entries: tuple[str, bytes | str, bytes]) -> Iterator[bytes]:
    """Name, type (a link's with its target as text), content; in pieces of odd sizes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.mode = 0o4755
            if isinstance(kind, str):
                info.type, info.linkname = tarfile.SYMTYPE, kind
            else:
                info.type, info.size = kind, len(content)
            tar.addfile(info, io.BytesIO(content))
    data = out.getvalue()
    return iter([data[at : at + 700] for at in range(0, len(data), 700)])


FILE, FOLDER = tarfile.REGTYPE, tarfile.DIRTYPE


def tree(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = f"-> {os.readlink(path)}" if path.is_symlink() else "/" if path.is_dir() else path.read_text()
        found[path.relative_to(folder).as_posix()] = kind
    return found


def test_a_folder_comes_out_as_it_went_in(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub" / "empty").mkdir(parents=True)
    (source / "grüß.txt").write_text("x" * 100_000)
    (source / "run").write_text("y")
    (source / "run").chmod(0o755)
    (source / "sub" / "link").symlink_to("../run")
    target = tmp_path / "target"
    target.mkdir()
    assert unpack(packed(source, "copy"), target) == 2
    assert tree(target / "copy") == tree(source)
    assert (target / "copy" / "run").stat().st_mode & 0o777 == 0o755


def test_one_file_under_a_new_name(tmp_path: Path) -> None:
    assert unpack(archive(("old", FILE, b"x")), tmp_path, "new") == 1
    assert tree(tmp_path) == {"new": "x"}
    assert (tmp_path / "new").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    ("entries", "part"),
    [
        pytest.param([("../x", FILE, b"")], "leads out of the folder", id="dots"),
        pytest.param([("a/../../x", FILE, b"")], "leads out of the folder", id="dots inside"),
        pytest.param([("/x", FILE, b"")], "leads out of the folder", id="absolute"),
        pytest.param([("a", "/etc", b"")], "a link to '/etc'", id="absolute link"),
        pytest.param([("a", "../..", b"")], "a link to '../..'", id="link out"),
        pytest.param([("a", "b", b""), ("b", FOLDER, b""), ("a/x", FILE, b"")], "goes through a link", id="through"),
        pytest.param([("a", "b", b""), ("a", FOLDER, b"")], "is a link where", id="folder onto link"),
    ],
)
def test_what_leads_out_is_refused(tmp_path: Path, entries: list[tuple[str, bytes | str, bytes]], part: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(Unsafe, match=part):
        unpack(archive(*entries), inside)
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


def test_a_file_replaces_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (inside / "x").symlink_to(outside)
    unpack(archive(("x", FILE, b"theirs")), inside)
    assert outside.read_text() == "mine"
    assert tree(inside) == {"x": "theirs"}


def test_devices_are_left_out_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    assert unpack(archive(("null", tarfile.CHRTYPE, b""), ("x", FILE, b"1")), tmp_path, told=said.append) == 1
    assert said == ["null: neither a file nor a folder, left out"]


def test_a_half_archive_is_an_error(tmp_path: Path) -> None:
    pieces = list(archive(("x", FILE, b"x" * 5000)))
    with pytest.raises(tarfile.TarError):
        unpack(iter(pieces[:2]), tmp_path)
