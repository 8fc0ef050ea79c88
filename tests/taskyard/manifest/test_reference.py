"""docs/manifest.md says what the schemas say, and its examples are right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from taskyard.manifest import from_flat, load, read_object
from taskyard.manifest.reference import put_into

PAGE = Path(__file__).parents[3] / "docs" / "manifest.md"


def test_the_field_tables_are_those_of_the_schemas() -> None:
    page = PAGE.read_text("utf-8")
    assert page == put_into(page), "run: python -m taskyard.manifest.reference docs/manifest.md"


def test_the_examples_are_right() -> None:
    page = PAGE.read_text("utf-8")
    (manifest,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (flat,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    read_object(load(manifest.encode(), "docs.yaml")[0])
    read_object(from_flat(json.loads(flat)))


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="fields: begin"):
        put_into("# Nothing")
