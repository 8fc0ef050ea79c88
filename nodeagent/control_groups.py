"""Where engines put the control group of a container, below the root of a hierarchy. Read by runtime and stats."""

from __future__ import annotations

PLACES = (
    "docker/{id}",
    "system.slice/docker-{id}.scope",
    "libpod_parent/libpod-{id}",
    "machine.slice/libpod-{id}.scope/container",
    "machine.slice/libpod-{id}.scope",
)
"""By Docker's two drivers (cgroupfs, systemd) and Podman's, whose processes are one further in with crun."""
