"""Values that are spelt wrong: `512MB`, `Web_1`, `TERM`, `nginx:`; what was probably meant.

Called by wording and shapes. Every suggestion is itself valid, which a test checks.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from taskyard.manifest.problem import Path, shorten
from taskyard.node_name import of_host
from taskyard.quantity import byte_count, cpu_millis, seconds

_POLICIES = {
    "no": "never",
    "none": "never",
    "false": "never",
    "off": "never",
    "once": "never",
    "never": "never",
    "onfailure": "on-failure",
    "onerror": "on-failure",
    "unlessstopped": "always",
    "always": "always",
    "any": "always",
    "true": "always",
    "yes": "always",
}
_SIZE_UNITS = {"b": "", "k": "Ki", "m": "Mi", "g": "Gi", "t": "Ti"}
_SIZE_WORD = re.compile(r"b|bytes?|[kmgt](?:i?b?|ilobytes?|[ei]gabytes?|erabytes?|[ei]bibytes?|[ei]gs?)")
_TIME_UNITS = {"d": ("h", 24), "w": ("h", 168), "h": ("h", 1), "m": ("m", 1), "s": ("s", 1), "ms": ("ms", 1)}
_MEASURE = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*([A-Za-z%µ]*)\.?", re.ASCII)


def policy_for(value: object) -> str:
    """The restart policy that another system's word stands for, or nothing."""
    return _POLICIES.get(re.sub("[^a-z]", "", str(value).casefold()), "")


def choice_hint(value: object, choices: list[str], path: Path) -> str:
    """Which of the choices was meant, or all of them."""
    if path[-1:] == ("policy",) and (policy := policy_for(value)):
        return f"write {policy}"
    if path[-1:] == ("signal",):
        return _signal_hint(value)
    if path[-2:-1] == ("volumes",) or (
        path[-1:] == ("type",) and str(value).casefold() in ("bind", "hostpath", "host")
    ):
        return "write type: host and a path, where node and namespace allow it, or type: volume and a name"
    by_word = {_word(choice): choice for choice in choices}
    near = get_close_matches(_word(str(value)), list(by_word), 1)
    return f"write {by_word[near[0]]}" if near else f"write one of {', '.join(choices)}"


def _signal_hint(value: object) -> str:
    names = {item.name for item in signal.Signals}
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
        return f"write {signal.Signals(number).name}" if number in list(signal.Signals) else "write SIGTERM"
    text = str(value).strip().upper()
    if text.isdecimal():
        return _signal_hint(int(text))
    name = text if text.startswith("SIG") else f"SIG{text}"
    near = [name] if name in names else get_close_matches(name, sorted(names), 1)
    return f"write {near[0]}" if near else "write the name of a signal, such as SIGTERM"


def spelling_hint(value: str, schema: Mapping[str, Any], path: Path) -> str:
    """What to write instead of a text that does not match its pattern."""
    rule = str(schema.get("x-hint", ""))
    meant = _meant(value, str(schema.get("title", "")), path)
    if meant and schema.get("title") in ("Name", "Node name"):
        return f"write {meant}: {rule.removeprefix('use ')}"
    return f"write {meant}" if meant else rule


def _meant(value: str, title: str, path: Path) -> str:
    match title:
        case "CPU":
            return _cpu(value)
        case "Size":
            return _size(value)
        case "Duration":
            return _duration(value)
        case "Name":
            return _name(value)
        case "Node name":
            return f"'{of_host(value)}'" if value.isascii() and re.search("[A-Za-z0-9]", value) else ""
    if path == ("spec", "image"):
        return _image(value)
    if path[-1:] == ("name",) and path[1:2] == ("ports",):
        return _name(value)
    if path[-1:] == ("host",):
        return "auto" if value.casefold() in ("auto", "random", "any", "*", "") else _digits(value)
    return ""


def _digits(value: str) -> str:
    return str(int(value)) if re.fullmatch(r"\s*[0-9]{1,5}\s*", value, re.ASCII) else ""


def _cpu(value: str) -> str:
    match = _MEASURE.fullmatch(value.strip())
    if not match:
        return ""
    number, unit = match[1].replace(",", "."), match[2].casefold()
    if unit == "%":
        number, unit = f"{float(number) / 100:.3g}", ""
    text = f"{number}m" if unit in ("m", "milli", "millicores", "mcpu") else number
    known = unit in ("", "m", "milli", "millicores", "mcpu", "core", "cores", "cpu", "cpus", "vcpu", "vcpus")
    return _if_valid(text, cpu_millis) if known else ""


def _size(value: str) -> str:
    match = _MEASURE.fullmatch(value.strip())
    unit = _SIZE_WORD.fullmatch(match[2].casefold()) if match else None
    if not match or not unit:
        return ""
    return _if_valid(match[1].replace(",", ".") + _SIZE_UNITS[unit[0][0]], byte_count)


def _duration(value: str) -> str:
    match = _MEASURE.fullmatch(value.strip())
    if not match or "," in match[1] or "." in match[1]:
        return ""
    word = match[2].casefold()
    unit = next(
        (
            short
            for names, short in (
                (("ms", "msec", "millis", "milliseconds"), "ms"),
                (("s", "sec", "secs", "second", "seconds"), "s"),
                (("m", "min", "mins", "minute", "minutes"), "m"),
                (("h", "hr", "hrs", "hour", "hours"), "h"),
                (("d", "day", "days"), "d"),
                (("w", "week", "weeks"), "w"),
            )
            if word in names
        ),
        "",
    )
    if not unit:
        return ""
    known, factor = _TIME_UNITS[unit]
    return _if_valid(f"{int(match[1]) * factor}{known}", seconds)


def _if_valid(text: str, read: Any) -> str:
    try:
        read(text)
    except ValueError:
        return ""
    return f"'{text}'"


def _name(value: str) -> str:
    label = re.sub(r"-+", "-", re.sub(r"[^a-z0-9]", "-", value.casefold())).strip("-")[:63].strip("-")
    return f"'{label}'" if label and value.isascii() else ""


def _image(value: str) -> str:
    text = re.sub(r"^(?:[a-z]+://|docker pull )", "", value.strip()).rstrip(":/")
    name, slash, tag = text.rpartition("/")
    repository, colon, version = tag.partition(":")
    text = f"{name.lower()}{slash}{repository.lower()}{colon}{version}"
    return f"'{shorten(text, 200)}'" if text != value and re.fullmatch(_IMAGE, text) else ""


_IMAGE = re.compile(r"[a-z0-9]+(?:[._:/-][A-Za-z0-9_.-]*[A-Za-z0-9])*", re.ASCII)


def _word(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.casefold())
