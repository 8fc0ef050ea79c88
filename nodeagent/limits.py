"""A task's resources and limits → what its container is held to. Pure; called by container_spec."""

from __future__ import annotations

from nodeagent.runtime.settings import IoSettings, LimitSettings
from taskyard.objects import Io, TaskSpec
from taskyard.quantity import UNLIMITED, Quantity, byte_count, cpu_millis


def limit_settings(spec: TaskSpec) -> LimitSettings:
    """A limit that is not written is the request; a request without a limit to go with is the limit itself."""
    resources, limits = spec.resources, spec.limits
    cpu = resources.cpu if limits.cpu is None else limits.cpu
    memory = _bytes(resources.memory if limits.memory is None else limits.memory)
    requested = _bytes(resources.memory)
    return LimitSettings(
        cpu_request=0 if resources.cpu is None else cpu_millis(resources.cpu),
        cpu=0 if cpu is None or cpu == UNLIMITED else cpu_millis(cpu),
        memory_request=requested if requested < memory else 0,
        memory=memory,
        swap=_bytes(limits.swap),
        pids=limits.pids,
        io=_io(limits.io),
        log_size=byte_count(spec.logs.max_size),
        log_files=spec.logs.max_files,
    )


def _io(io: Io) -> IoSettings:
    return IoSettings(
        weight=io.weight or 0,
        read_rate=_bytes(io.read_rate),
        write_rate=_bytes(io.write_rate),
        read_ops=io.read_ops or 0,
        write_ops=io.write_ops or 0,
    )


def _bytes(value: Quantity | None) -> int:
    return 0 if value is None else byte_count(value)
