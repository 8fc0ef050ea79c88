"""The container runtime: a port in our own terms, Docker behind it, and a fake that passes the same tests."""
