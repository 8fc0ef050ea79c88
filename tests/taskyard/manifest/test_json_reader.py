"""parse_json: strict, and the two readers behind it agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskyard.manifest import ManifestError, parse_json
from taskyard.manifest.json_reader import read_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, derandomize=True)
@given(JSON, st.booleans(), st.sampled_from((None, 1)))
def test_both_readers_read_what_is_json(value: Any, ascii_only: bool, indent: int | None) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert parse_json(raw, "a.json") == value
    document, problems, faults = read_json(raw, "a.json")
    assert document is not None
    assert (document.data, problems, faults) == (value, [], set())


@settings(max_examples=300, derandomize=True)
@given(
    st.lists(
        st.sampled_from(
            [
                "{",
                "}",
                "[",
                "]",
                ",",
                ":",
                '"',
                '"a"',
                '"b"',
                "1",
                "-",
                "0",
                ".5",
                "e9",
                "true",
                "nul",
                "NaN",
                " ",
                "\\u00",
                "\\",
            ]
        ),
        max_size=12,
    )
)
def test_what_is_refused_is_explained_and_nothing_else_is(parts: list[str]) -> None:
    raw = "".join(parts).encode()
    document, problems, _ = read_json(raw, "a.json")
    if problems:
        with pytest.raises(ManifestError) as caught:
            parse_json(raw, "a.json")
        assert list(caught.value.problems) == problems
    else:
        assert document is not None
        assert parse_json(raw, "a.json") == document.data


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a": 1, "a": 1}', id="key-twice"),
        pytest.param(b'{"a": {"b": [{"c": 1, "c": 2}]}}', id="key-twice-deep"),
        pytest.param(b"[NaN]", id="nan"),
        pytest.param(b"[-Infinity]", id="infinity"),
        pytest.param(b"[1e999]", id="overflow"),
        pytest.param(b"[9223372036854775808]", id="beyond-64-bits"),
        pytest.param(b'["\\ud800"]', id="lone-surrogate"),
        pytest.param(b'{"\\udc00": 1}', id="lone-surrogate-in-key"),
        pytest.param(b'["\xed\xa0\x80"]', id="surrogate-in-utf-8"),
        pytest.param(b'["\xc0\x80"]', id="overlong-utf-8"),
        pytest.param("[]".encode("utf-16"), id="utf-16"),
        pytest.param(b"[" * 33 + b"]" * 33, id="33-levels"),
        pytest.param(b"[1] x", id="rest"),
        pytest.param(b"'a'", id="single-quotes"),
        pytest.param(b"[01]", id="leading-zero"),
        pytest.param(b"\xef\xbb\xbf\xef\xbb\xbf[]", id="two-marks"),
    ],
)
def test_what_is_not_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_json(raw, "a.json")


def test_32_levels_and_a_mark_are_read() -> None:
    assert parse_json(b"\xef\xbb\xbf" + b"[" * 32 + b"]" * 32, "a.json")
