"""Values of the wrong type: what people mean by `ports: ["8080:80"]`, `restart: always` or `PORT: 5432`.

Called by wording for each type error; the answer is what to write instead.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from taskyard.manifest.problem import Path, shorten
from taskyard.manifest.spelling import policy_for

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "array": "a list",
    "boolean": "true or false",
    "null": "nothing",
}
_TRUE, _FALSE = ("true", "yes", "on", "y", "1"), ("false", "no", "off", "n", "0")


def type_words(types: list[str]) -> str:
    """JSON Schema's names of types, in plain words."""
    return " or ".join(_TYPES[name] for name in types)


def shape_hint(path: Path, value: object, types: list[str], written: str, fallback: str) -> str:
    """What to write instead of a value whose type is wrong. `written` is how the text spells it."""
    if value is None:
        return "write a value, or remove the line" if path else "write a manifest"
    place = tuple("[]" if isinstance(step, int) else step for step in path)
    special = _SPECIAL.get(place) or _SPECIAL.get((*place[:-1], "*"))
    if special is not None and (hint := special(value)):
        return hint
    if types == ["string"] and isinstance(value, bool | int | float):
        return f"quote it: '{shorten(written or str(value))}'"
    if isinstance(value, str):
        return _from_text(value, types, fallback)
    if types == ["integer"] and isinstance(value, float):
        return "write a whole number"
    if types == ["array"] and isinstance(value, int | float | dict):
        return "start each item on a line of its own with '- '"
    if types == ["object"] and isinstance(value, list):
        return "write 'key: value' lines, without '- '"
    return fallback or f"write {type_words(types)}"


def _from_text(value: str, types: list[str], fallback: str) -> str:
    text = value.strip()
    if types == ["boolean"]:
        if text.casefold() in _TRUE:
            return "write true, without quotes"
        return "write false, without quotes" if text.casefold() in _FALSE else "write true or false"
    if ("integer" in types or "number" in types) and re.fullmatch(r"-?[0-9]+", text):
        return f"remove the quotes: {text}"
    if "integer" in types and (match := re.fullmatch(r"([0-9]+)/(tcp|udp)", text)):
        return f"write {match[1]} here, and protocol: {match[2]}"
    if types == ["array"]:
        return f"write a list: [{_quoted(text)}]"
    return fallback or f"write {type_words(types)}"


def _quoted(text: str) -> str:
    return shorten(text) if re.fullmatch(r"[A-Za-z./_-][\w./@%+-]*", text, re.ASCII) else f'"{shorten(text)}"'


def _command(value: object) -> str:
    if not isinstance(value, str):
        return ""
    if re.search(r"[|&;<>$`]", value):
        return f'write a list: [sh, -c, "{shorten(value)}"]'
    try:
        words = shlex.split(value)
    except ValueError:
        return "write a list, one word to each item"
    return f"write a list, one word to each item: [{', '.join(_quoted(word) for word in words)}]"


def _port(value: object) -> str:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    match = re.fullmatch(r"(?:[0-9]+(?:\.[0-9]+){3}:)?(?:([0-9]*):)?([0-9]+)(?:/(tcp|udp))?", text)
    if not match:
        return "write {container: 80, host: auto}"
    protocol = f", protocol: {match[3]}" if match[3] == "udp" else ""
    return f"write {{container: {match[2]}, host: {match[1] or 'auto'}{protocol}}}"


def _ports(value: object) -> str:
    return f"write a list: [{_port(value).removeprefix('write ')}]" if isinstance(value, str | int) else ""


def _volume(value: object) -> str:
    if not isinstance(value, str):
        return ""
    source, _, rest = value.partition(":")
    target, _, mode = rest.partition(":")
    if not target:
        return f"write {{type: tmpfs, target: {shorten(source)}}}, or {{name: data, target: {shorten(source)}}}"
    read_only = ", readOnly: true" if "ro" in mode.split(",") else ""
    if source.startswith(("/", ".", "~")):
        path = f"{{type: host, path: {shorten(source)}, target: {shorten(target)}{read_only}}}"
        return f"write {path}, where node and namespace allow it, or name a volume"
    return f"write {{name: {shorten(source)}, target: {shorten(target)}{read_only}}}"


def _env(value: object) -> str:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value:
        return ""
    first = value[0]
    if isinstance(first, dict) and {"name", "value"} <= first.keys():
        return f"write a mapping: {{{first['name']}: '…'}}, one 'NAME: value' for each"
    if isinstance(first, str) and "=" in first:
        return f"write a mapping: {{{shorten(first.partition('=')[0])}: '…'}}, one 'NAME: value' for each"
    return "write a mapping, one 'NAME: value' for each"


def _env_value(value: object) -> str:
    if isinstance(value, dict):
        return "write the value itself; one from a Secret, a Config or a field goes into envFrom"
    return ""


def _labels(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], str):
        key, _, text = value[0].partition("=")
        return f"write a mapping: {{{shorten(key)}: '{shorten(text)}'}}"
    return ""


def _restart(value: object) -> str:
    policy = policy_for(value)
    return f"write {{policy: {policy}}}" if policy else "write {policy: always}, with on-failure or never as the others"


def _health_check(value: object) -> str:
    if isinstance(value, str):
        return f'write {{command: [sh, -c, "{shorten(value)}"]}}'
    return "write {command: [...]}" if isinstance(value, list) else ""


def _stop(value: object) -> str:
    return (
        f"write {{signal: {value}}}"
        if isinstance(value, str) and value.startswith("SIG")
        else "write {gracePeriod: 30s}"
    )


_SPECIAL: dict[tuple[str, ...], Callable[[object], str]] = {
    ("spec", "command"): _command,
    ("spec", "args"): _command,
    ("spec", "healthCheck", "command"): _command,
    ("spec", "healthCheck"): _health_check,
    ("spec", "ports"): _ports,
    ("spec", "ports", "[]"): _port,
    ("spec", "volumes", "[]"): _volume,
    ("spec", "env"): _env,
    ("spec", "env", "*"): _env_value,
    ("spec", "restart"): _restart,
    ("spec", "stop"): _stop,
    ("spec", "nodeSelector"): _labels,
    ("spec", "containerLabels"): _labels,
    ("metadata", "labels"): _labels,
    ("metadata", "annotations"): _labels,
}
