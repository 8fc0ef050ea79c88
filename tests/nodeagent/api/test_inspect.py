"""No value of a task's environment leaves the node by `inspect`."""

from __future__ import annotations

from nodeagent.api.inspect import masked


def test_values_are_masked_but_for_those_that_say_nothing() -> None:
    found = {"Id": "x", "Config": {"Env": ["PASSWORD=a=b", "PATH=/bin", "TASKYARD_EPOCH=3", "BARE"], "Image": "i"}}
    env = ["PASSWORD=***", "PATH=/bin", "TASKYARD_EPOCH=3", "BARE=***"]
    assert masked(found) == {"Id": "x", "Config": {"Env": env, "Image": "i"}}


def test_a_container_without_environment() -> None:
    assert masked({"Config": {"Env": None}}) == {"Config": {"Env": []}}
