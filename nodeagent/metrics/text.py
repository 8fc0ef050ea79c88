"""The text format of Prometheus, of which only the samples with certain names are looked at. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/: a line for each sample, `name{label="value"} number`, and
comments, of which `# TYPE name counter` counts. What is said of other names may be anything: a program that has one odd
line still tells the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from taskyard.objects import Metric

LARGEST = 1e15
"""Beyond it a number is taken for a fault: what is worked out from such numbers would be none."""
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?[0-9]+)?[ \t]*\r?", re.ASCII)
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|\Z)', re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_ESCAPED = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
_PARTS = ("_total", "_count", "_sum", "_bucket")
"""What a counter's, histogram's or summary's samples are called beyond its name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`counter`: it only ever grows, and says something by how fast."""

    value: float
    counter: bool = False


def read(text: str, metrics: Sequence[Metric]) -> list[Reading | str]:
    """For each the sum of its samples, or why there is none."""
    names = tuple({each.name for each in metrics})
    types: dict[str, str] = {}
    samples: list[tuple[str, str, str]] = []
    for line in text.split("\n"):
        if line.startswith("# TYPE "):
            words = line.split()
            if len(words) == 4:
                types[words[2]] = words[3]
        elif line.startswith(names):
            found = _SAMPLE.fullmatch(line)
            if found is not None and found[1] in names:
                samples.append((found[1], found[2] or "", found[3]))
    return [_sum(metric, samples, types) for metric in metrics]


def _sum(metric: Metric, samples: Sequence[tuple[str, str, str]], types: dict[str, str]) -> Reading | str:
    named = [(labels, number) for name, labels, number in samples if name == metric.name]
    if not named:
        return "there is no such sample"
    chosen = [number for labels, number in named if _has(labels, metric.labels)]
    if not chosen:
        return "no sample has these labels"
    if bad := next((number for number in chosen if not _NUMBER.fullmatch(number)), ""):
        return f"it is {bad[:20]}"
    value = sum(map(float, chosen))
    if not abs(value) <= LARGEST:
        return f"it is beyond {LARGEST:g}"
    return Reading(value, _is_counter(metric.name, types))


def _has(labels: str, wanted: dict[str, str]) -> bool:
    return not wanted or wanted.items() <= dict(_labels(labels)).items()


def _labels(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while found := _LABEL.match(text, at):
        yield found[1], re.sub(r'\\[n"\\]', lambda each: _ESCAPED[each[0]], found[2])
        at = found.end()


def _is_counter(name: str, types: dict[str, str]) -> bool:
    if name in types:
        return types[name] == "counter"
    part = next((part for part in _PARTS if name.endswith(part)), "")
    kind = types.get(name.removesuffix(part), "") if part else ""
    return kind in ("counter", "histogram", "summary")
