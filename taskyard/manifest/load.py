"""load: a file of manifests, YAML or JSON, read and validated in one go, so that every problem is told at once.

For the command line and the watched folder. A fault that the readers can pass over (a key twice, an anchor) does not
hide what else is wrong with its document.
"""

from __future__ import annotations

from taskyard.manifest.check import validate
from taskyard.manifest.document import Document
from taskyard.manifest.json_reader import read_json
from taskyard.manifest.lists import is_list, item_of, unfold
from taskyard.manifest.problem import ManifestError, Path, Problem, path_text


def load(raw: bytes, source: str) -> list[Document]:
    """The valid documents of a text; JSON when `source` ends in .json, YAML otherwise.

    ManifestError with every problem of every document, when there is one.
    """
    read, problems, faults = _read(raw, source)
    documents: list[Document] = []
    for whole, wrong in zip(read, faults, strict=True):
        items, found = unfold(whole)
        problems += found
        folded = is_list(whole.data)
        for index, document in enumerate(items):
            texts = [path_text(path) for path in (_within(wrong, index) if folded else wrong)]
            problems += [problem for problem in validate(document) if not _below(problem.path, texts)]
        documents += items
    if problems:
        raise ManifestError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    return documents


def _within(wrong: set[Path], index: int) -> set[Path]:
    """What is wrong in one item of a list, by paths of the item."""
    places = (item_of(path) for path in wrong)
    return {place[1] for place in places if place is not None and place[0] == index}


def _read(raw: bytes, source: str) -> tuple[list[Document], list[Problem], list[set[Path]]]:
    if source.endswith(".json"):
        document, problems, wrong = read_json(raw, source)
        return ([document], problems, [wrong]) if document else ([], problems, [])
    from taskyard.manifest.yaml_reader import read_yaml

    return read_yaml(raw, source)


def _below(path: str, roots: list[str]) -> bool:
    """Whether the problem only follows from a value that could not be read."""
    return any(path == root or path.startswith((f"{root}.", f"{root}[")) or not root for root in roots)
