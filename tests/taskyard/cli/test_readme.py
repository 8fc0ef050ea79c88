"""What the README shows of a manifest with mistakes is what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.fake_api import FakeApi
from tests.taskyard.cli.conftest import Cli

README = (Path(__file__).parents[3] / "README.md").read_text()
MISTAKES = {
    "  command:": "  comand:",
    "    - {container: 80, host: 8081}": '    - "8081:80"',
    "memory: 64Mi": "memory: 64MB",
}


def test_its_mistakes(cli: Cli, api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"## Write a manifest\n\n```yaml\n(.*?)```", README, re.DOTALL)
    assert found is not None
    text = found[1]
    for right, wrong in MISTAKES.items():
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    (tmp_path / "web.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    run = cli("apply", "-f", "web.yaml")
    assert f"```\n$ taskyard apply -f web.yaml\n{run.err}```" in README
    assert (run.code, api.requests) == (1, [])
