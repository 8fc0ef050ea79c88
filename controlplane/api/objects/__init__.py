"""Objects, tasks and nodes: how they are read, written and applied, with HTTP around it."""
