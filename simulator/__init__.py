"""A whole cluster in one thread and on virtual time, from a seed: the components as they ship, under faults.

`python -m simulator` (or `taskyard simulate`) runs seeds; nothing imports this package.
"""
