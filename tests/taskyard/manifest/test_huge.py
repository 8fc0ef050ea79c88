"""Bombs: texts that are too large, too deep or too many are refused early, in bounded time, and crash nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from taskyard.manifest import ManifestError, load
from taskyard.manifest.limits import MAX_DOCUMENT_BYTES, MAX_PROBLEMS

HEAD = "apiVersion: taskyard/v1\nkind: Task\nmetadata:\n  name: web\nspec:\n  image: a\n"
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "line", "message", "name"),
    [
        pytest.param("[" * 100_000, 1, "32 levels deep", "a.yaml", id="brackets"),
        pytest.param("{a: " * 100_000, 1, "32 levels deep", "a.yaml", id="braces"),
        pytest.param("- " * 100_000, 1, "32 levels deep", "a.yaml", id="dashes"),
        pytest.param("? " * 100_000, 1, "cannot be a list or mapping", "a.yaml", id="question-marks"),
        pytest.param("[?" * 100_000, 1, "cannot be", "a.yaml", id="complex-keys"),
        pytest.param("a: 1\na: " + "[" * 100_000, 2, "given twice", "a.yaml", id="depth-below-a-skipped-key"),
        pytest.param("\n".join(" " * n + "a:" for n in range(500)), 33, "32 levels deep", "a.yaml", id="indentation"),
        pytest.param("[" * 100_000, 1, "32 levels deep", "a.json", id="json-brackets"),
        pytest.param('{"a":' * 100_000, 1, "32 levels deep", "a.json", id="json-braces"),
        pytest.param(HEAD + "  args: [" + "a, " * 20_000 + "]\n", 7, "10000 keys and values", "a.yaml", id="items"),
        pytest.param(
            "".join(f"k{n}: v\n" for n in range(20_000)), 5000, "10000 keys and values", "a.yaml", id="keys"
        ),
        pytest.param("[" + "1," * 20_000 + "1]", 1, "10000 keys and values", "a.json", id="json-items"),
        pytest.param(LAUGHS, 2, "alias *a0", "a.yaml", id="billion-laughs"),
        pytest.param(HEAD + "# " + "x" * MAX_DOCUMENT_BYTES, 1, "at most 1048576 are read", "a.yaml", id="bytes"),
        pytest.param("é" * 600_000, 1, "at most 1048576 are read", "a.yaml", id="bytes-not-characters"),
        pytest.param(" " * (MAX_DOCUMENT_BYTES + 1), 1, "at most 1048576", "a.json", id="json-bytes"),
        pytest.param("---\n" * 2 + "a" * 17 * 2**20, 1, "the input has", "a.yaml", id="stream"),
        pytest.param(HEAD + "  priority: " + "9" * 500_000, 7, "larger than", "a.yaml", id="digits"),
        pytest.param('{"a": ' + "9" * 500_000 + "}", 1, "larger than", "a.json", id="json-digits"),
        pytest.param(HEAD + "  user: " + "a" * 900_000, 7, "at most 128", "a.yaml", id="long-user"),
        pytest.param(HEAD + "  workdir: /" + "-a" * 400_000, 7, "at most 4096", "a.yaml", id="long-path"),
        pytest.param(HEAD.replace("a\n", "a-" * 400_000 + "\n"), 6, "at most 500", "a.yaml", id="long-image"),
        pytest.param(HEAD + "  user: '" + "a" * 900_000, 7, "unexpected end", "a.yaml", id="long-open-quote"),
        pytest.param("k" * 900_000 + ": v", 1, "not allowed in this context", "a.yaml", id="long-key"),
        pytest.param(HEAD + "  args: ['" + "x" * 130_000 + "', '" * 1 + "y" * 130_000 + "', '"
                     + "x" * 130_000 + "', '" + "x" * 130_000 + "', '" + "x" * 130_000 + "']\n",
                     6, "etcd's requests have room for", "a.yaml", id="spec-larger-than-etcd-takes"),
    ],
)  # fmt: skip
def test_a_bomb_is_refused_with_its_line_and_in_time(text: str, line: int, message: str, name: str) -> None:
    raw = text.encode()
    started = time.process_time()
    with pytest.raises(ManifestError) as caught:
        load(raw, name)
    assert time.process_time() - started < 5
    assert any(message in problem.message and problem.line == line for problem in caught.value.problems)
    assert all(len(str(problem)) < 3000 for problem in caught.value.problems)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda n: "".join(f"x{i}: v\n" for i in range(n)), id="unknown-fields"),
        pytest.param(lambda n: HEAD + "  args: [" + "1, " * n + "]\n", id="wrong-items"),
        pytest.param(lambda n: "a: 1\n" * n, id="one-key-again-and-again"),
    ],
)
def test_thousands_of_problems_are_cut_off(make: Callable[[int], str]) -> None:
    with pytest.raises(ManifestError) as caught:
        load(make(900).encode(), "a.yaml")
    assert 10 < len(caught.value.problems) <= 2 * MAX_PROBLEMS
