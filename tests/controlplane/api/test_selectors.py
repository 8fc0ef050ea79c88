"""A selector selects what it says, and one that is not understood is never taken for everything."""

from __future__ import annotations

import pytest

from controlplane.api.shown.selectors import BadSelector, matches, parse_fields, parse_labels

LABELS = {"app": "web", "tier": "front", "example.com/team": "shop"}
FIELDS = {"status.state": ("Pending", "Running"), "status.node": ()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", True, id="empty"),
        pytest.param("app=web", True, id="equal"),
        pytest.param(" app == web , tier = front ", True, id="two, with spaces"),
        pytest.param("app=web,tier=back", False, id="both must hold"),
        pytest.param("app!=api", True, id="not equal"),
        pytest.param("colour!=red", True, id="not equal to what is absent"),
        pytest.param("app!=web", False, id="equal after all"),
        pytest.param("app", True, id="present"),
        pytest.param("colour", False, id="not present"),
        pytest.param("!colour", True, id="absent"),
        pytest.param("!app", False, id="not absent"),
        pytest.param("app in (api, web),tier", True, id="in"),
        pytest.param("app notin (api,web)", False, id="not in"),
        pytest.param("colour notin (red)", True, id="absent is not in"),
        pytest.param("example.com/team=shop", True, id="prefixed key"),
        pytest.param("app=", False, id="empty value"),
    ],
)
def test_labels(text: str, expected: bool) -> None:
    assert matches(parse_labels(text), LABELS) is expected


@pytest.mark.parametrize(
    "text", ["a=b=c", ",", "a=b,", "a b", "a>1", "in (a)", "a in b", "a in ()", "a in (b", "a in (b,)", "-a", "a=b\n-"]
)
def test_bad_labels(text: str) -> None:
    with pytest.raises(BadSelector, match="is not a label selector: write a=b"):
        parse_labels(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("status.state=Running", True, id="equal"),
        pytest.param("status.state!=Running", False, id="not equal"),
        pytest.param("status.state=Running,status.node=n2", False, id="both must hold"),
        pytest.param("status.node!=n2", True, id="another node"),
    ],
)
def test_fields(text: str, expected: bool) -> None:
    assert matches(parse_fields(text, FIELDS), {"status.state": "Running", "status.node": "n1"}) is expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param("status.state", "is not a field selector", id="no operator"),
        pytest.param("spec.image=a", "'spec.image' is not a field to select by: choose from status.state", id="field"),
        pytest.param("status.state=running", "choose from Pending, Running", id="value"),
        pytest.param("status.state=Running,", "'' is not a field selector", id="trailing comma"),
    ],
)
def test_bad_fields(text: str, part: str) -> None:
    with pytest.raises(BadSelector, match=part):
        parse_fields(text, FIELDS)
