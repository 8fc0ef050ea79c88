"""What the agent's command line refuses before anything is started."""

from __future__ import annotations

from click.testing import CliRunner

from nodeagent.__main__ import main


def test_a_bad_node_name_is_refused_with_what_is_accepted() -> None:
    result = CliRunner().invoke(main, ["--node", "Web_01"])
    assert result.exit_code == 1
    assert "--node: 'Web_01' is not a node's name: write 1 to 253 lower-case ASCII letters" in result.output
