"""Node names: the rule in Python and the one in the schemas are the same, and a host's name becomes one."""

from __future__ import annotations

import pytest

from taskyard.manifest import accepts
from taskyard.node_name import is_node_name, of_host


@pytest.mark.parametrize(
    ("name", "good"),
    [
        pytest.param("n1", True, id="label"),
        pytest.param("7", True, id="digit"),
        pytest.param("web-1.example.com", True, id="subdomain"),
        pytest.param("a" * 63 + ".b", True, id="longest part"),
        pytest.param(".".join(["a" * 62] * 4) + ".a", True, id="longest"),
        pytest.param(".".join(["a" * 62] * 4) + ".ab", False, id="too long"),
        pytest.param("a" * 64, False, id="part too long"),
        pytest.param("", False, id="empty"),
        pytest.param("Web", False, id="upper case"),
        pytest.param("web_1", False, id="underscore"),
        pytest.param("-web", False, id="leading dash"),
        pytest.param("web-.a", False, id="dash before a dot"),
        pytest.param("a..b", False, id="two dots"),
        pytest.param("a.", False, id="last dot"),
        pytest.param("n1\n", False, id="line break"),
        pytest.param("n/1", False, id="slash"),
        pytest.param("n\u0661", False, id="another script's digit"),
    ],
)
def test_one_rule(name: str, good: bool) -> None:
    assert is_node_name(name) is good
    envelope = {"apiVersion": "taskyard/v1", "metadata": {"name": name}}
    assert accepts({**envelope, "kind": "Node"}) is good
    binding = {"node": name, "epoch": 1, "specHash": "0123456789abcdef"}
    task = {**envelope, "metadata": {"name": "web"}, "kind": "Task", "spec": {"image": "a"}, "binding": binding}
    assert accepts(task) is good


@pytest.mark.parametrize(
    ("host", "name"),
    [
        pytest.param("web-1", "web-1", id="as it is"),
        pytest.param("Web_01.Example.org", "web-01.example.org", id="letters and domain"),
        pytest.param("web.", "web", id="last dot"),
        pytest.param("", "local", id="none"),
        pytest.param("-", "local", id="nothing usable"),
        pytest.param("b\u00fccher", "b-cher", id="not ASCII"),
        pytest.param("a" * 80, "a" * 63, id="long part"),
        pytest.param(".".join(["a" * 63] * 5), ".".join(["a" * 63] * 3) + "." + "a" * 61, id="long"),
    ],
)
def test_a_host_s_name_becomes_one(host: str, name: str) -> None:
    assert of_host(host) == name
    assert is_node_name(name)
