"""What is read of the text format, and what of a text that is not quite it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.metrics.text import LARGEST, Reading, read
from taskyard.objects import Metric

QUEUE = Metric(name="queue_length", port=9100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("queue_length 7\n", Reading(7), id="a number"),
        pytest.param("queue_length 7", Reading(7), id="without an end of line"),
        pytest.param("queue_length\t1.5e1 1395066363000\r\n", Reading(15), id="with a timestamp"),
        pytest.param('queue_length{queue="a"} 3\nqueue_length{queue="b"} 4\n', Reading(7), id="the sum of all samples"),
        pytest.param('queue_length{queue="} 9",} 3\n', Reading(3), id="a brace in a label"),
        pytest.param("queue_length_max 9\nqueue_length 7\n", Reading(7), id="not one that only begins so"),
        pytest.param("}}{{ nonsense\nqueue_length 7\n", Reading(7), id="an odd line of another"),
        pytest.param("# TYPE queue_length gauge\nqueue_length -2\n", Reading(-2), id="a gauge"),
        pytest.param("# TYPE queue_length counter\nqueue_length 7\n", Reading(7, True), id="a counter"),
        pytest.param("queue_length NaN\n", "it is NaN", id="not a number"),
        pytest.param('queue_length{a="b"} 1\nqueue_length +Inf\n', "it is +Inf", id="infinite, and so the sum"),
        pytest.param("queue_length 1e16\n", "it is beyond 1e+15", id="too large"),
        pytest.param("queue_length 1_000\n", "it is 1_000", id="a number for Python alone"),
        pytest.param("queue_length\n", "there is no such sample", id="no number"),
        pytest.param("", "there is no such sample", id="nothing"),
        pytest.param("# queue_length 7\n", "there is no such sample", id="a comment"),
    ],
)
def test_one_metric(text: str, expected: Reading | str) -> None:
    assert read(text, [QUEUE]) == [expected]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"queue": "mail"}, Reading(3)),
        ({"queue": "mail", "state": "new"}, Reading(2)),
        ({"queue": 'a "b"\\c\nd'}, Reading(8)),
        ({"queue": "none"}, "no sample has these labels"),
    ],
)
def test_samples_with_certain_labels(labels: dict[str, str], expected: Reading | str) -> None:
    text = (
        'queue_length{queue="mail",state="new"} 2\n'
        'queue_length{state="old", queue="mail"} 1\n'
        'queue_length{queue="a \\"b\\"\\\\c\\nd"} 8\n'
        "queue_length 100\n"
    )
    assert read(text, [Metric(name="queue_length", port=1, labels=labels)]) == [expected]


@pytest.mark.parametrize(
    ("name", "kind", "counter"),
    [
        ("requests_total", "requests_total counter", True),
        ("requests_total", "requests counter", True),
        ("seconds_count", "seconds histogram", True),
        ("seconds_sum", "seconds summary", True),
        ("seconds", "seconds summary", False),
        ("requests_total", "requests_total gauge", False),
        ("requests_total", "other counter", False),
    ],
)
def test_what_only_grows(name: str, kind: str, counter: bool) -> None:
    assert read(f"# TYPE {kind}\n{name} 5\n", [Metric(name=name, port=1)]) == [Reading(5, counter)]


@given(st.text(alphabet=st.sampled_from('queue_lngth{}="\\,\n\t\r #0123456789.eE+-NaInf'), max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    (found,) = read(f"queue_length {text}\n{text}", [QUEUE])
    assert isinstance(found, str) or abs(found.value) <= LARGEST
