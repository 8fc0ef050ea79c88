"""to_yaml: what comes out is the same data to every reader."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from taskyard.manifest import parse_yaml, to_yaml
from taskyard.manifest.yaml_scalars import resolve

TEXT = st.text(max_size=12) | st.text(alphabet="0123456789.:_-+eExXoObn aynotrufls~\n=<'\"#&*!|>%@`{}[],?", max_size=10)


@settings(max_examples=400, derandomize=True)
@given(st.lists(TEXT, max_size=4), st.dictionaries(TEXT, TEXT, max_size=3))
def test_text_stays_text_for_us_and_for_a_reader_of_yaml_1_1(texts: list[str], pairs: dict[str, str]) -> None:
    data = {"list": texts, "mapping": pairs}
    written = to_yaml(data)
    assert yaml.safe_load(written) == data
    assert parse_yaml(written, "a.yaml")[0].data == data


ODD = "no Yes on y N 22:22 0o17 0x1F 1e3 1_000 2026-01-31 ~ null = << .inf 08 1:2:3.4 - 0b1 1."


@pytest.mark.parametrize("word", ["", *ODD.split()])
def test_words_that_some_reader_takes_for_something_else_are_quoted(word: str) -> None:
    assert to_yaml({"a": word}) == f"a: '{word}'\n"


@pytest.mark.parametrize("word", ["nginx:1.27", "512Mi", "250m", "1m30s", "/srv", "web", "a b", "é", "taskyard/v1"])
def test_ordinary_words_are_not_quoted(word: str) -> None:
    assert to_yaml({"a": word}) == f"a: {word}\n"
    assert resolve(word) == word


def test_it_reads_well() -> None:
    data = {
        "spec": {"command": ["sh", "-c", "set -e\necho hi\n"], "ports": [{"container": 80, "host": "auto"}], "env": {}}
    }
    assert to_yaml(data) == (
        "spec:\n  command:\n    - sh\n    - -c\n    - |\n      set -e\n      echo hi\n"
        "  ports:\n    - container: 80\n      host: auto\n  env: {}\n"
    )


def test_the_same_list_twice_is_written_twice() -> None:
    shared = ["a"]
    assert to_yaml({"one": shared, "two": shared}) == "one:\n  - a\ntwo:\n  - a\n"
