"""Does: watches its own keys, drives Docker, and reports what became of it."""
