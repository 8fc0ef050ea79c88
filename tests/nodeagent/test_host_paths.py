"""Paths of the node: only below allowed folders, by where links lead, and never an engine's socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.host_paths import HostPaths, PathRefused
from taskyard.objects import TaskSpec, Volume


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Path]:
    """A socket that stands for Docker's, in a folder that is allowed."""
    (tmp_path / "allowed" / "run").mkdir(parents=True)
    path = tmp_path / "allowed" / "run" / "engine.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    yield path
    listener.close()


def resolve(folder: Path, path: Path, engine: Path) -> str:
    spec = TaskSpec(image="a", volumes=[Volume(type="host", path=str(path), target="/x")])
    return HostPaths([str(folder / "allowed")], [str(engine)]).resolve(spec)[str(path)]


def test_what_is_below_an_allowed_folder(tmp_path: Path, engine: Path) -> None:
    (tmp_path / "allowed" / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "allowed" / "data")
    real = str(tmp_path / "allowed" / "data")
    assert resolve(tmp_path, tmp_path / "allowed" / "data", engine) == real
    assert resolve(tmp_path, tmp_path / "allowed" / ".." / "allowed" / "data", engine) == real
    assert resolve(tmp_path, tmp_path / "link", engine) == real


@pytest.mark.parametrize("place", ["outside", "allowed/link", "allowed/../outside", "allowed-too"])
def test_what_is_elsewhere_or_leads_there_is_refused(tmp_path: Path, engine: Path, place: str) -> None:
    for name in ("outside", "allowed-too"):
        (tmp_path / name).mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(PathRefused, match="--allow-host-path"):
        resolve(tmp_path, tmp_path / place, engine)


def test_what_is_not_there_is_refused(tmp_path: Path, engine: Path) -> None:
    (tmp_path / "allowed" / "circle").symlink_to(tmp_path / "allowed" / "circle")
    for place in ("allowed/nowhere", "allowed/circle"):
        with pytest.raises(PathRefused, match="not there on this node"):
            resolve(tmp_path, tmp_path / place, engine)


def test_an_engine_s_socket_is_never_mounted_whatever_it_is_called(tmp_path: Path, engine: Path) -> None:
    (tmp_path / "allowed" / "link").symlink_to(engine)
    os.link(engine, tmp_path / "allowed" / "another-name")
    for place in ("run/engine.sock", "link", "another-name", "run", "."):
        with pytest.raises(PathRefused, match="would own this node"):
            resolve(tmp_path, tmp_path / "allowed" / place, engine)


def test_nothing_is_allowed_by_itself(tmp_path: Path) -> None:
    with pytest.raises(PathRefused):
        HostPaths().resolve(TaskSpec(image="a", volumes=[Volume(type="host", path=str(tmp_path), target="/x")]))
