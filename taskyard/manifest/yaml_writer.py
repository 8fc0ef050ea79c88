"""to_yaml: data as YAML that people read, and that every reader of YAML 1.1 and 1.2 understands alike.

A text that any of them would take for something else (`no`, `22:22`, `0o17`, `1e3`) is quoted. Used by `get -o yaml`.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_AMBIGUOUS = re.compile(
    r"""(?ix) ~ | null | true | false | yes | no | on | off | y | n | = | << | -
    | [-+]? \.? (?:inf|nan)
    | [-+]? [0-9._,:eExXoObB+-]* [0-9] [0-9a-fA-F._,:eExXoO+-]*
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} .*"""
)
_LINE_ENDS_OF_1_1 = re.compile("[\x85\u2028\u2029\ufeff]")
_LONG = 120


def to_yaml(data: Any) -> str:
    """One document, keys in the order given, ending in a line break."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_LONG, indent=2)
    return text.removesuffix("...\n")


class _Dumper(yaml.SafeDumper):
    """SafeDumper without anchors, with lists set in from their key, and with careful quotes."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless and flow)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if _LINE_ENDS_OF_1_1.search(value):
        style = '"'
    elif "\n" in value and _fits_a_block(value):
        style = "|"
    elif _AMBIGUOUS.fullmatch(value):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _fits_a_block(value: str) -> bool:
    """No trailing spaces or odd characters, which a block would lose or not allow."""
    lines = value.split("\n")
    return all(line.isprintable() and line == line.rstrip() for line in lines) and bool(lines[0]) and lines[0][0] != " "


_Dumper.add_representer(str, _text)
