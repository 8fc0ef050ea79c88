"""parse_yaml: types of words, cuts between documents, places, and the corners of the syntax."""

from __future__ import annotations

from typing import Any

import pytest

from taskyard.manifest import ManifestError, parse_yaml

TYPED = {
    "true": True, "True": True, "FALSE": False, "null": None, "~": None, "": None, "NULL": None, "0": 0, "-5": -5,
    "+5": 5, "007": 7, "1.5": 1.5, ".5": 0.5, "-.5": -0.5, "5.": 5, "1e3": 1000, "80.0": 80, "-1.5E-2": -0.015,
    "9223372036854775807": 2**63 - 1, "'1'": "1", '"true"': "true",
}  # fmt: skip
TEXT = """
    tRue nUll yes No on off y n 22:22 190:20:30 2026-01-31 1_000 0o17 0x1F 0b11 1.2.3 1e . + e5 ٣ = ~x -x .inf- 1:2
    +-1 1e1.5 ..5 1e+ true. nul
"""


@pytest.mark.parametrize(
    ("word", "value"),
    [
        pytest.param(word, value, id=word or "empty")
        for word, value in [*TYPED.items(), *((word, word) for word in TEXT.split())]
    ],
)
def test_the_type_of_a_word(word: str, value: Any) -> None:
    (document,) = parse_yaml(f"key: {word}\n", "a.yaml")
    assert document.data == {"key": value}
    assert type(document.data["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("a: 1", [1], id="one"),
        pytest.param("--- {a: 1}\n--- {a: 2}", [1, 2], id="on-the-marker"),
        pytest.param("# x\n\na: 1\n---\n# y\n---\nb: 2\n...\n\nc: 3\n", [3, 7, 10], id="comments-and-end-markers"),
        pytest.param("---\r\na: 1\r\n---\r\n\r\nb: 2", [2, 5], id="crlf"),
        pytest.param("\ufeffa: 1\n", [1], id="byte-order-mark"),
        pytest.param("a: |\n  x\n  --- y\nb: '---x'\n", [1], id="markers-inside-text"),
        pytest.param("%YAML 1.2\n---\na: 1\n", [3], id="directive"),
    ],
)
def test_documents_and_where_they_start(text: str, lines: list[int]) -> None:
    documents = parse_yaml(text.encode(), "a.yaml")
    assert [document.line for document in documents] == lines
    assert documents == parse_yaml(text, "a.yaml")


def test_every_part_knows_its_place() -> None:
    text = "# c\nspec:\n  ports:\n    - {container: 80}\n    - container: 81\n"
    (document,) = parse_yaml(text, "a.yaml")
    assert document.locate(("spec", "ports", 1, "container")) == (5, 18)
    assert document.locate(("spec", "ports", 1, "container"), key=True) == (5, 7)
    assert document.locate(("spec", "ports", 0)) == (4, 7)
    assert document.locate(("spec", "ports", 7, "name")) == (4, 5)
    assert document.locate(()) == (2, 1)


def test_a_fault_in_one_document_hides_nothing_in_the_others() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_yaml("a: [\n---\nb: 1\nb: 2\n---\n\tc: 1\n---\nd: \0\n", "a.yaml")
    assert [problem.line for problem in caught.value.problems] == [1, 4, 6, 8]
