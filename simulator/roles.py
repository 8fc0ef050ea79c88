"""Which leader's process each part belongs to: what the checker holds a writer to."""

from __future__ import annotations

ROLES = {
    "scheduler": "scheduler",
    "tasks": "controllers",
    "intake": "controllers",
    "services": "controllers",
    "jobs": "controllers",
    "ownership": "controllers",
    "evictions": "controllers",
    "volumes": "controllers",
    "garbage": "controllers",
    "maintenance": "controllers",
    "returning": "controllers",
    "publisher": "controllers",
}
