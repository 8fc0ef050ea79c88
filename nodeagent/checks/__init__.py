"""Checks of containers that run: what is due and what it means (state), asking (prober), and both together."""
