"""How much of a stranger's text is read at all. The parsers here enforce it; docs/manifest.md states it."""

MAX_DOCUMENT_BYTES = 1024 * 1024
MAX_STREAM_BYTES = 16 * 1024 * 1024
"""A file or request of many documents."""
MAX_NODES = 10_000
"""Mappings, lists, keys and values of one document."""
MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1
MAX_PROBLEMS = 200
"""Of one document: a wrong list of thousands is understood after the first few."""
