"""Quantities as people write them, and as numbers: cpu in millicores, bytes, seconds.

`0.25`, `"250m"` → 250 millicores; `"512Mi"`, `536870912` → bytes; `"1m30s"`, `90` → seconds.
Used by schema formats, by normalisation and by whoever needs the number.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

import msgspec

_CPU = re.compile(r"(?P<whole>\d{1,6}(?:\.\d{1,3})?)|(?P<milli>\d{1,9})m", re.ASCII)
_BYTES = re.compile(r"(?P<number>\d{1,18}(?:\.\d{1,6})?)(?P<unit>Ki|Mi|Gi|Ti|k|M|G|T|)", re.ASCII)
_DURATION = re.compile(
    r"(?=.)(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,8})m)?(?:(?P<s>\d{1,9}(?:\.\d{1,3})?)s)?(?:(?P<ms>\d{1,9})ms)?",
    re.ASCII,
)
_UNITS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}

UNLIMITED = "none"
"""As a limit of cpu."""

Quantity = str | int | float
Cpu = Annotated[Quantity, msgspec.Meta(extra={"quantity": "cpu"})]
CpuLimit = Annotated[Quantity, msgspec.Meta(extra={"quantity": "cpu-limit"})]
Size = Annotated[Quantity, msgspec.Meta(extra={"quantity": "size"})]
Duration = Annotated[Quantity, msgspec.Meta(extra={"quantity": "duration"})]
"""As the type of a struct's field they say what is meant; taskyard.objects.normal goes by that."""


@lru_cache(maxsize=4096, typed=True)
def cpu_millis(value: Quantity) -> int:
    """Millicores of a cpu quantity: `"250m"`, `0.25`, `"1.5"`, `2`. ValueError says what is accepted."""
    match = _CPU.fullmatch(_plain(value))
    if not match:
        raise ValueError(f"{value!r} is not a cpu quantity: write cores (0.5) or millicores ('500m')")
    if match["milli"] is not None:
        return int(match["milli"])
    return int(Decimal(match["whole"]) * 1000)


@lru_cache(maxsize=4096, typed=True)
def byte_count(value: Quantity) -> int:
    """Bytes of a size quantity: `"512Mi"`, `"1.5Gi"`, `"1G"` (10^9), `1048576`. ValueError otherwise."""
    match = _BYTES.fullmatch(_plain(value))
    if not match:
        raise ValueError(f"{value!r} is not a size: write bytes, or a number with Ki, Mi, Gi or Ti ('512Mi')")
    return int(Decimal(match["number"]) * _UNITS[match["unit"]])


@lru_cache(maxsize=4096, typed=True)
def seconds(value: Quantity) -> float:
    """Seconds of a duration: `"10s"`, `"1m30s"`, `"500ms"`, or a plain number of seconds."""
    text = _plain(value)
    if re.fullmatch(r"\d{1,9}(?:\.\d{1,3})?", text, re.ASCII):
        return float(text)
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"{value!r} is not a duration: write seconds, or '500ms', '10s', '1m30s', '2h'")
    return (
        int(match["h"] or 0) * 3600 + int(match["m"] or 0) * 60 + float(match["s"] or 0) + int(match["ms"] or 0) / 1000
    )


def format_cpu(millis: int) -> str:
    """The shortest usual spelling: `2`, `250m`."""
    return str(millis // 1000) if millis % 1000 == 0 else f"{millis}m"


def format_bytes(count: int) -> str:
    """The largest binary unit that keeps the number whole: `512Mi`, `1Gi`, `1000`."""
    for unit in ("Ti", "Gi", "Mi", "Ki"):
        if count and count % _UNITS[unit] == 0:
            return f"{count // _UNITS[unit]}{unit}"
    return str(count)


@lru_cache(maxsize=4096, typed=True)
def respelled(kind: str, value: Quantity) -> str:
    """A `cpu`, `cpu-limit`, `size` or `duration` in its usual spelling. ValueError when it is none."""
    match kind:
        case "cpu-limit" if value == UNLIMITED:
            return UNLIMITED
        case "cpu-limit":
            return format_cpu(cpu_millis(value))
        case "cpu":
            return format_cpu(cpu_millis(value))
        case "size":
            return format_bytes(byte_count(value))
        case _:
            return format_duration(seconds(value))


def format_duration(value: float) -> str:
    """`500ms`, `10s`, `1m30s`, `2h`."""
    millis = round(value * 1000)
    whole, millis = divmod(millis, 1000)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    parts = [f"{n}{u}" for n, u in ((hours, "h"), (minutes, "m"), (secs, "s"), (millis, "ms")) if n]
    return "".join(parts) or "0s"


def _plain(value: Quantity) -> str:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number: write one, without quotes or with its unit")
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value)
