"""The field tables of docs/manifest.md, from the schemas: `python -m taskyard.manifest.reference docs/manifest.md`.

A test holds the page against what this makes, so the page cannot fall behind the schemas.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from taskyard.kinds import KINDS, Kind
from taskyard.manifest.misplaced import fields, mappings

BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"


def reference() -> str:
    """One table for each mapping of each kind, in Markdown."""
    parts: list[str] = []
    for kind in KINDS:
        places: dict[str, list[str]] = {}
        required = _required(kind)
        for place, name, schema in fields(kind):
            if not schema.get("readOnly") and not _told_elsewhere(kind, place):
                places.setdefault(place, []).append(_row(name, schema, (place, name) in required))
        for place, rows in places.items():
            title = f"{kind}: {place}" if place else kind
            parts.append(f"### {title}\n\n| field | type | default | what it is | example |\n|---|---|---|---|---|")
            parts[-1] += "\n" + "\n".join(rows) + "\n"
    return "\n".join(parts)


def _told_elsewhere(kind: Kind, place: str) -> bool:
    """What is in answers only, and what is a task's: metadata of all kinds but nodes, the spec in a template."""
    answers = place.startswith(("binding", "status", "metadata.owner"))
    template = place.startswith("spec.template.spec")
    return answers or template or (place == "metadata" and kind not in ("Task", "Node"))


def put_into(page: str) -> str:
    """The page with the part between its two marks replaced. ValueError when a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _row(name: str, schema: dict[str, Any], required: bool) -> str:
    default = "required" if required else f"`{_json(schema['default'])}`" if "default" in schema else "none"
    text = schema["description"]
    if "x-units" in schema:
        text += f" Unit: {schema['x-units']}."
    cells = [f"`{name}`", _type(schema), default, text, f"`{_json(schema['examples'][0])}`"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{choice}`" for choice in schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = {"object": "mapping", "array": "list", "string": "text", "integer": "whole number"}
    text = " or ".join(words.get(str(each), str(each)) for each in types)
    if "minimum" in schema and "maximum" in schema:
        text += f", {schema['minimum']} to {schema['maximum']}"
    return text


def _required(kind: Kind) -> set[tuple[str, str]]:
    """The (place, name) of every field that must be there."""
    return {(place, name) for place, mapping, _ in mappings(kind) for name in mapping.get("required", ())}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(put_into(target.read_text("utf-8")), "utf-8")
