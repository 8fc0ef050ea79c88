"""A corpus of bad manifests: each problem is told once, with its line, its path and a hint that helps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from taskyard.manifest import ManifestError, load

FOLDER = Path(__file__).parent / "bad"
EXPECTED: dict[str, list[dict[str, str | int]]] = json.loads((FOLDER / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_problem_is_told_once_where_it_is_and_with_a_hint(name: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load((FOLDER / name).read_bytes(), name)
    found = [(problem.line, problem.path) for problem in caught.value.problems]
    assert found == [(each["line"], each["path"]) for each in EXPECTED[name]]
    for problem, expected in zip(caught.value.problems, EXPECTED[name], strict=True):
        assert problem.hint
        assert str(expected["hint"]) in problem.hint
        assert problem.source == name
        assert problem.column > 0
        assert str(problem).startswith(f"{name}:{problem.line}:{problem.column}: ")


def test_the_corpus_is_complete() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*EXPECTED, "expected.json"}
    assert len(EXPECTED) >= 100


def test_a_problem_is_one_line_and_names_what_is_named() -> None:
    bad = b"apiVersion: taskyard/v1\nkind: Config\nmetadata: {name: a}\n"
    with pytest.raises(ManifestError) as caught:
        load(bad, "a.yaml")
    assert "\n" not in str(caught.value.problems[0])
    assert r'app.conf: "level = info\n"' in caught.value.problems[0].hint
    with pytest.raises(ManifestError) as caught:
        load(bad + b"spec: {data: {b c: x}}\n", "a.yaml")
    assert caught.value.problems[0].message == "'b c' is not a name for a value"
