"""Taskyard on one machine: preparing the host, the child processes of `taskyard up`, and taking it all away again."""
