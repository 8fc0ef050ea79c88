"""Watches: a bounded memory of what changed, and the lines that any number of clients read from it."""
