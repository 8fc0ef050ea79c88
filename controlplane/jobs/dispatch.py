"""A job with parameters, and arguments for them: the job that runs with these. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from taskyard.objects import Job, Metadata
from taskyard.objects.job import DISPATCHED_FROM, LARGEST_PAYLOAD, PAYLOAD


class BadArguments(ValueError):
    """The message says what is wrong, and what to do."""


def dispatched(job: Job, arguments: Mapping[str, str], payload: str | None, name: str) -> Job:
    """As a user would apply it: its arguments and payload are in the environment of its tasks. Raises BadArguments."""
    parameters, label = job.spec.parameters, f"job/{job.metadata.name}"
    if parameters is None:
        raise BadArguments(f"{label} has no parameters: run it with `taskyard job run`, or add spec.parameters")
    missing = [each for each in parameters.required if each not in arguments]
    if missing:
        raise BadArguments(f"{label} needs {', '.join(missing)}: add {missing[0]}=VALUE")
    known = [*parameters.required, *parameters.optional]
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise BadArguments(f"{label} has no parameter {', '.join(unknown)}: it has {', '.join(known) or 'none'}")
    if payload is None and parameters.payload == "required":
        raise BadArguments(f"{label} needs a payload: send one of up to {LARGEST_PAYLOAD} bytes")
    if payload is not None and parameters.payload == "forbidden":
        raise BadArguments(f"{label} takes no payload: send none")
    if payload is not None and len(payload.encode()) > LARGEST_PAYLOAD:
        raise BadArguments(f"the payload has more than {LARGEST_PAYLOAD} bytes: put it elsewhere, and send where it is")
    if payload is not None and "\0" in payload:
        raise BadArguments("the payload has a NUL character, which no environment can hold: encode it, as base64 does")
    template = job.spec.template
    env = {**template.spec.env, **arguments, **({PAYLOAD: payload} if payload is not None else {})}
    metadata = job.metadata
    made = Metadata(
        name=name,
        namespace=metadata.namespace,
        labels={**metadata.labels, DISPATCHED_FROM: metadata.name},
        annotations=dict(metadata.annotations),
        defaulted=list(metadata.defaulted),
    )
    filled = replace(template, spec=replace(template.spec, env=env))
    return replace(job, metadata=made, spec=replace(job.spec, parameters=None, template=filled))
