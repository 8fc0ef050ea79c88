"""Placement, asked: why a task is where it is, what an apply would do, what would be better, what was decided."""
