"""Which files count as manifests, when they count as changed, and what of them may be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controlplane.folder.files import FolderUnreadable, list_files, parse
from controlplane.folder.known import KnownFiles
from tests.support.folder import manifest


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(".web.yaml.swp", id="vim swap"),
        pytest.param("web.yaml~", id="backup"),
        pytest.param(".#web.yaml", id="emacs lock"),
        pytest.param("#web.yaml#", id="emacs autosave"),
        pytest.param("4913", id="vim probe"),
        pytest.param("web.yaml.tmp", id="temporary file"),
        pytest.param("web.yaml.bak", id="backup by suffix"),
        pytest.param(".hidden.yaml", id="hidden"),
        pytest.param(".git/config.yaml", id="in a hidden folder"),
        pytest.param("README.md", id="something else"),
    ],
)
def test_leftovers_are_no_manifests(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(manifest("web"))
    assert list_files(tmp_path).files == {}


def test_folders_below_are_listed_in_order(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    for name in ("z.yaml", "shop/a.yml", "b.json"):
        (tmp_path / name).write_text("")
    assert list(list_files(tmp_path).files) == ["b.json", "shop/a.yml", "z.yaml"]


def test_a_missing_folder_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FolderUnreadable):
        list_files(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("# nothing but a comment\n", id="comment only"),
        pytest.param("apiVersion: taskyard/v1\nkind: Task\nmetadata: {name: we", id="half written"),
        pytest.param("a: [1\nb", id="not YAML"),
        pytest.param(manifest("web") + "---\n" + manifest("Bad_Name"), id="one bad document of two"),
        pytest.param(manifest("web") + "---\n" + manifest("web"), id="the same task twice"),
        pytest.param("apiVersion: taskyard/v1\nkind: Node\nmetadata: {name: n1}\n", id="a node"),
        pytest.param("\0\0\0\0", id="zeros after a crash"),
    ],
)
def test_nothing_of_a_bad_file_is_used_and_the_problem_names_it(text: str) -> None:
    read = parse(text.encode(), "web.yaml")
    assert read.objects is None
    assert "web.yaml" in read.problem


def test_json_is_read_too() -> None:
    text = b'{"apiVersion":"taskyard/v1","kind":"Task","metadata":{"name":"web"},"spec":{"image":"busybox:1.35"}}'
    read = parse(text, "web.json")
    assert read.objects is not None
    assert read.objects[0].metadata.name == "web"


def test_every_problem_of_every_document_is_told() -> None:
    read = parse((manifest("Bad_Name") + "bogus: 1\n---\n" + manifest("web", image="")).encode(), "web.yaml")
    assert all(f"web.yaml:{line}:" in read.problem for line in (3, 5, 10)), read.problem


def test_a_problem_in_json_has_its_line() -> None:
    text = b'{"apiVersion":"taskyard/v1","kind":"Task",\n"metadata":{"name":"web"},\n"spec":{"image":7}}'
    assert "web.json:3:" in parse(text, "web.json").problem


def test_a_swapped_link_is_a_changed_file(tmp_path: Path) -> None:
    """As Kubernetes updates a mounted ConfigMap: the file leads through `..data`, and only that link is replaced."""
    for version in ("one", "two"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "web.yaml").write_text(manifest("web", image=f"busybox:{version}"))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "web.yaml").symlink_to("..data/web.yaml")
    files = KnownFiles(tmp_path)
    files.look()
    assert [task.spec.image for task in files.objects()] == ["busybox:one"]
    (tmp_path / "..new").symlink_to("..two")
    os.replace(tmp_path / "..new", tmp_path / "..data")
    files.look()
    assert [task.spec.image for task in files.objects()] == ["busybox:two"]


def test_same_size_and_time_but_another_content_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(manifest("aaa"))
    times = path.stat()
    files = KnownFiles(tmp_path)
    files.look()
    path.write_text(manifest("bbb"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    files.look()
    assert [task.metadata.name for task in files.objects()] == ["bbb"]


def test_a_link_to_nowhere_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "target").write_text(manifest("web"))
    (tmp_path / "web.yaml").symlink_to("target")
    files = KnownFiles(tmp_path)
    files.look()
    (tmp_path / "target").unlink()
    files.look()
    assert "cannot be read" in files.read["web.yaml"].problem
    assert [task.metadata.name for task in files.objects()] == ["web"]
