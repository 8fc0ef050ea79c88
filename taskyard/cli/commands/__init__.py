"""One module for each command, imported only when it is typed (taskyard/cli/root.py)."""
