"""The agent's own HTTP API: logs of this node's tasks, for the control plane."""
