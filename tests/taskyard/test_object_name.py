"""The rule for names, which is written in a schema as well."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from taskyard.object_name import ACCEPTED, is_object_name

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "common.json").read_text())["$defs"]["name"]


@pytest.mark.parametrize(
    "text", ["a", "web-1", "1", "a" * 63, "", "-a", "a-", "A", "a b", "a.b", "a" * 64, "\u0661", "a\n"]
)
def test_it_is_the_schemas(text: str) -> None:
    by_schema = re.fullmatch(SCHEMA["pattern"], text) is not None and len(text) <= SCHEMA["maxLength"]
    assert is_object_name(text) == by_schema


def test_it_is_said_in_the_same_words() -> None:
    assert SCHEMA["x-hint"] == f"use {ACCEPTED}"
