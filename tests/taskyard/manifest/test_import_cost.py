"""What importing taskyard.manifest loads: nothing that a command which validates nothing would have to pay for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"yaml", "jsonschema", "jsonschema_rs", "referencing"}


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        pytest.param("import taskyard.manifest", set(), id="package"),
        pytest.param("from taskyard.manifest import ManifestError, Problem, diff, validate", set(), id="names"),
        pytest.param("from taskyard.manifest import parse_yaml", {"yaml"}, id="parse_yaml"),
        pytest.param(
            "from taskyard.manifest import validate; assert not validate({'apiVersion': 'taskyard/v1', 'kind': 'Task',"
            " 'metadata': {'name': 'a'}, 'spec': {'image': 'a'}})",
            {"jsonschema_rs"},
            id="a-valid-manifest",
        ),
    ],
)
def test_heavy_libraries_are_loaded_only_when_needed(code: str, allowed: set[str]) -> None:
    script = f"{code}\nimport sys\nprint(*sorted({HEAVY!r} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= allowed


def test_there_are_no_other_names() -> None:
    import taskyard.manifest

    with pytest.raises(AttributeError, match="parse_toml"):
        taskyard.manifest.__getattr__("parse_toml")
    assert all(getattr(taskyard.manifest, name) for name in taskyard.manifest.__all__)
