"""Manifest files on this machine to documents that may be sent: found, read, parsed and validated.

Every problem of every file is found in one go, before anything is sent. What a manifest may say is taskyard/manifest's;
what happens to it is the server's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taskyard.annotations import CHANGED_BY
from taskyard.cli.failure import Failed
from taskyard.kinds import BY_KIND

if TYPE_CHECKING:
    from taskyard.manifest import Document, Problem

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One valid document."""

    source: str
    """`web.yaml:1`"""
    data: dict[str, Any]

    def said_by(self, person: str) -> dict[str, Any]:
        """The document as `person` sends it; who a manifest itself names counts more."""
        metadata = self.data["metadata"]
        annotations = metadata.get("annotations") or {}
        if not person or CHANGED_BY in annotations:
            return self.data
        return {**self.data, "metadata": {**metadata, "annotations": {**annotations, CHANGED_BY: person}}}

    @property
    def kind(self) -> str:
        return str(self.data["kind"])

    @property
    def name(self) -> str:
        return str(self.data["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.data["metadata"].get("namespace") or "default")

    @property
    def label(self) -> str:
        return f"{self.kind.lower()}/{self.name}"


class BadManifests(Exception):
    """`problems`, one a line with its place and what helps; `files` is in how many they are.

    `left`: what was not done because of them, for the command that would have: `nothing was sent`.
    """

    def __init__(self, problems: Sequence[Problem], left: str = "") -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
        self.left = left
        self.files = len({problem.source for problem in problems})


def read_manifests(names: Sequence[str], namespace: str | None, *, left: str = "") -> list[Manifest]:
    """Of files, folders (all below them) and `-`. `namespace` is for documents that name none; `left` as above.

    Raises BadManifests with every problem, Failed when there is nothing to read, OSError for a file that cannot be.
    """
    from taskyard.manifest import ManifestError, load

    problems: list[Problem] = []
    documents: list[Document] = []
    for source, raw in _contents(names):
        try:
            documents += load(raw, source)
        except ManifestError as error:
            problems += error.problems
    problems += _clashes(documents, namespace)
    if problems:
        raise BadManifests(problems, left)
    return [_manifest(document, namespace) for document in documents]


def find_files(name: str) -> Iterator[Path]:
    """The file itself, or every manifest below a folder in a stable order, hidden ones and editors' leftovers not."""
    path = Path(name)
    if not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(entry for entry in folders if not entry.startswith("."))
        for file in sorted(files):
            if file.endswith(SUFFIXES) and not file.startswith((".", "#")):
                yield Path(folder, file)


def _contents(names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for name in dict.fromkeys(names):
        if name == "-":
            yield STDIN, sys.stdin.buffer.read()
            continue
        files = list(find_files(name))
        if not files:
            raise Failed(
                f"there is no manifest (*{', *'.join(SUFFIXES)}) below {name}",
                "name a folder that holds some, or a file: -f web.yaml; hidden files are not read",
            )
        for file in files:
            yield str(file), file.read_bytes()


def _clashes(documents: Sequence[Document], namespace: str | None) -> list[Problem]:
    """An object that two documents declare, and a namespace that is not the one asked for with -n."""
    problems: list[Problem] = []
    first: dict[tuple[str, str, str], str] = {}
    for document in documents:
        manifest = _manifest(document, namespace)
        identity = (manifest.kind, manifest.namespace, manifest.name)
        if identity in first:
            message = f"{manifest.label} is declared twice: here and in {first[identity]}"
            problems.append(document.problem(("metadata", "name"), message, "keep one of them"))
        first.setdefault(identity, manifest.source)
        if namespace is not None and BY_KIND[manifest.kind].namespaced and manifest.namespace != namespace:
            message = f"the namespace is '{manifest.namespace}', but -n says '{namespace}'"
            problems.append(document.problem(("metadata", "namespace"), message, "leave one of them out"))
    return problems


def _manifest(document: Document, namespace: str | None) -> Manifest:
    data = document.data
    if namespace is not None and BY_KIND[data["kind"]].namespaced and not data["metadata"].get("namespace"):
        data = {**data, "metadata": {**data["metadata"], "namespace": namespace}}
    return Manifest(f"{document.source}:{document.line}", data)
