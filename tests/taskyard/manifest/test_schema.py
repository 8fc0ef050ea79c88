"""The schemas themselves: complete, described, and in step with the structs that they become."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgspec
import pytest

from taskyard.kinds import BY_KIND, KINDS, Kind
from taskyard.manifest import accepts, schemas
from taskyard.manifest.misplaced import fields
from taskyard.objects import (
    Autoscale,
    Binding,
    Canary,
    Check,
    Checks,
    ConfigSpec,
    CpuRange,
    CronHistory,
    CronSpec,
    DefaultLimits,
    DefaultResources,
    Dependency,
    Dns,
    Drain,
    EnvSource,
    ExitCodes,
    Hook,
    Hooks,
    HttpCheck,
    InitTask,
    Io,
    JobSpec,
    JobTemplate,
    Limits,
    Logs,
    Maintenance,
    Metadata,
    Metric,
    MetricTarget,
    NamedVolumeSpec,
    NamespaceSpec,
    Network,
    NodeSpec,
    Owner,
    Parameters,
    Process,
    Quota,
    Retry,
    RetryBackoff,
    RetryExitCodes,
    SecretSpec,
    Security,
    ServiceSpec,
    Sidecar,
    SidecarResources,
    SizeRange,
    Stabilization,
    Success,
    Taint,
    Task,
    TaskDefaults,
    TaskLimits,
    TaskSpec,
    TaskTemplate,
    TcpCheck,
    TemplateMetadata,
    Ulimit,
    Update,
)
from taskyard.objects.task import (
    Affinity,
    Backoff,
    Constraint,
    Gang,
    HealthCheck,
    OnNodeLoss,
    Port,
    Resources,
    Restart,
    Spread,
    Stop,
    Toleration,
    Volume,
)
from tests.taskyard.manifest.around import FIELDS, around

_QUANTITIES = {"CPU", "Size", "Duration"}
_ANSWERS_ONLY = {"revision"}
"""Fields of the API's answers that are in no struct."""

STRUCTS: list[tuple[Kind, str, type[msgspec.Struct], set[str]]] = [
    ("Task", "", Task, {"status"}),
    ("Task", "metadata", Metadata, _ANSWERS_ONLY),
    ("Task", "metadata.owner", Owner, set()),
    ("Task", "binding", Binding, set()),
    ("Task", "spec", TaskSpec, set()),
    ("Task", "spec.ports[]", Port, set()),
    ("Task", "spec.volumes[]", Volume, set()),
    ("Task", "spec.envFrom.*", EnvSource, set()),
    ("Task", "spec.init[]", InitTask, set()),
    ("Task", "spec.sidecars[]", Sidecar, set()),
    ("Task", "spec.sidecars[].resources", SidecarResources, set()),
    ("Task", "spec.sidecars[].checks", Checks, set()),
    ("Task", "spec.process", Process, set()),
    ("Task", "spec.process.ulimits.*", Ulimit, set()),
    ("Task", "spec.network", Network, set()),
    ("Task", "spec.network.dns", Dns, set()),
    ("Task", "spec.security", Security, set()),
    ("Task", "spec.limits", Limits, set()),
    ("Task", "spec.limits.io", Io, set()),
    ("Task", "spec.logs", Logs, set()),
    ("Task", "spec.checks", Checks, set()),
    ("Task", "spec.checks.startup", Check, set()),
    ("Task", "spec.checks.readiness.http", HttpCheck, set()),
    ("Task", "spec.checks.readiness.tcp", TcpCheck, set()),
    ("Task", "spec.metrics[]", Metric, set()),
    ("Task", "spec.hooks", Hooks, set()),
    ("Task", "spec.hooks.preStop", Hook, set()),
    ("Task", "spec.resources", Resources, set()),
    ("Task", "spec.constraints[]", Constraint, set()),
    ("Task", "spec.tolerations[]", Toleration, set()),
    ("Task", "spec.gang", Gang, set()),
    ("Task", "spec.dependsOn[]", Dependency, set()),
    ("Task", "spec.affinity[]", Affinity, set()),
    ("Task", "spec.antiAffinity[]", Affinity, set()),
    ("Task", "spec.spread[]", Spread, set()),
    ("Task", "spec.restart", Restart, set()),
    ("Task", "spec.restart.backoff", Backoff, set()),
    ("Task", "spec.restart.exitCodes", ExitCodes, set()),
    ("Task", "spec.stop", Stop, set()),
    ("Task", "spec.onNodeLoss", OnNodeLoss, set()),
    ("Task", "spec.healthCheck", HealthCheck, set()),
    ("Node", "spec.taints[]", Taint, set()),
    ("Service", "spec", ServiceSpec, set()),
    ("Service", "spec.template", TaskTemplate, set()),
    ("Service", "spec.template.metadata", TemplateMetadata, set()),
    ("Service", "spec.template.spec", TaskSpec, set()),
    ("Service", "spec.update", Update, set()),
    ("Service", "spec.update.canary", Canary, set()),
    ("Service", "spec.autoscale", Autoscale, set()),
    ("Service", "spec.autoscale.metrics[]", MetricTarget, set()),
    ("Service", "spec.autoscale.stabilization", Stabilization, set()),
    ("Cron", "spec", CronSpec, set()),
    ("Cron", "spec.history", CronHistory, set()),
    ("Cron", "spec.template", JobTemplate, set()),
    ("Cron", "spec.template.spec", JobSpec, set()),
    ("Job", "spec", JobSpec, set()),
    ("Job", "spec.template", TaskTemplate, set()),
    ("Job", "spec.retry", Retry, set()),
    ("Job", "spec.retry.backoff", RetryBackoff, set()),
    ("Job", "spec.retry.exitCodes", RetryExitCodes, set()),
    ("Job", "spec.success", Success, set()),
    ("Job", "spec.parameters", Parameters, set()),
    ("Secret", "spec", SecretSpec, set()),
    ("Config", "spec", ConfigSpec, set()),
    ("Namespace", "spec", NamespaceSpec, set()),
    ("Namespace", "spec.quota", Quota, set()),
    ("Namespace", "spec.defaults", TaskDefaults, set()),
    ("Namespace", "spec.defaults.resources", DefaultResources, set()),
    ("Namespace", "spec.defaults.limits", DefaultLimits, set()),
    ("Namespace", "spec.limits", TaskLimits, set()),
    ("Namespace", "spec.limits.cpu", CpuRange, set()),
    ("Namespace", "spec.limits.memory", SizeRange, set()),
    ("Namespace", "spec.limits.disk", SizeRange, set()),
    ("Volume", "spec", NamedVolumeSpec, set()),
    ("Node", "spec.drain", Drain, set()),
    ("Node", "spec.maintenance", Maintenance, set()),
]


@pytest.mark.parametrize("name", ["common", "container", "checks", *(kind.lower() for kind in KINDS)])
def test_it_is_a_schema_of_2020_12_with_an_id_and_a_title(name: str) -> None:
    schema = schemas.load(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/v1/{name}.json")
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize(
    ("kind", "place", "name", "schema"),
    [pytest.param(*field, id=f"{field[0]}.{field[1]}.{field[2]}") for field in FIELDS],
)
def test_every_field_is_described_with_an_example(kind: Kind, place: str, name: str, schema: dict[str, Any]) -> None:
    assert schema["description"].endswith(".")
    assert schema["examples"]
    if schema.get("title") in _QUANTITIES or schema.get("type") in ("integer", "number"):
        assert schema.get("readOnly") or place == "binding" or schema["x-units"]
    required = _required(kind, place)
    optional_without_default = {
        "maxSurge", "maxUnavailable", "elsewhereAfter",
        "host", "size", "cpu", "memory", "disk", "maxRestarts", "maxPerNode", "healthCheck", "revision", "shmSize",
        "hard", "swap", "weight", "readRate", "writeRate", "readOps", "writeOps", "startup", "liveness", "readiness",
        "perIndex", "maxFailedIndexes", "activeDeadline", "ttlAfterFinish", "count", "startingDeadline", "parameters",
        "timeout", "http", "tcp", "postStart", "preStop", "gang", "tasks", "tolerationSeconds",
        "canary", "percent", "promoteAfter", "keepFinished", "drain", "deadline", "maintenance", "maxPriority",
        "min", "max",
        "autoscale", "capabilities", "hostNetwork", "hostPaths",
    }  # fmt: skip
    read_only = {"binding", "status", "owner"}
    if name not in required | optional_without_default | read_only:
        assert "default" in schema


def _mapping(kind: Kind, place: str) -> dict[str, Any]:
    schema, root = schemas.of_kind(kind), schemas.of_kind(kind)
    for step in place.split(".") if place else ():
        below = schema["additionalProperties"] if step == "*" else schema["properties"][step.removesuffix("[]")]
        schema, root = schemas.resolve(below, root)
        if step.endswith("[]"):
            schema, root = schemas.resolve(schema["items"], root)
    return schema


def _required(kind: Kind, place: str) -> set[str]:
    return set(_mapping(kind, place).get("required", ()))


@pytest.mark.parametrize(
    ("kind", "place", "name", "schema"),
    [pytest.param(*field, id=f"{field[0]}.{field[1]}.{field[2]}") for field in FIELDS],
)
def test_examples_and_defaults_are_valid_where_they_stand(
    kind: Kind, place: str, name: str, schema: dict[str, Any]
) -> None:
    for value in [*schema["examples"], *([schema["default"]] if "default" in schema else [])]:
        if (name == "namespace" and not BY_KIND[kind].namespaced) and value != "default":
            continue  # The metadata is that of all kinds; some are in no namespace.
        manifest = around(kind, place, name, value)
        assert accepts(manifest), json.dumps(manifest)


@pytest.mark.parametrize(
    ("kind", "place", "struct", "extra"), [pytest.param(*each, id=f"{each[2].__name__}") for each in STRUCTS]
)
def test_schema_and_struct_have_the_same_fields_and_defaults(
    kind: Kind, place: str, struct: type[msgspec.Struct], extra: set[str]
) -> None:
    declared = {name: schema for where, name, schema in fields(kind) if where == place and name not in extra}
    known = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    assert declared.keys() == known.keys()
    required = _required(kind, place)
    for name, field in known.items():
        default = field.default if field.default is not msgspec.NODEFAULT else msgspec.NODEFAULT
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if name in ("apiVersion", "kind"):
            continue
        if name in required:
            assert field.required
        elif "default" in declared[name]:
            assert _plain(default) == declared[name]["default"]
        else:
            assert default is None


def _plain(value: Any) -> Any:
    return {} if isinstance(value, msgspec.Struct) else value


def test_node_s_spec_is_what_the_struct_has_beside_its_envelope() -> None:
    declared = {name for place, name, _ in fields("Node") if place == "spec"}
    assert declared == {field.encode_name for field in msgspec.structs.fields(NodeSpec)} - {
        "apiVersion",
        "kind",
        "metadata",
    }


def test_no_mapping_admits_unknown_fields() -> None:
    def mappings(value: Any) -> list[dict[str, Any]]:
        found = [value] if isinstance(value, dict) and value.get("type") == "object" else []
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return found + [each for item in inner for each in mappings(item)]

    for name in ("common", "container", "checks", *(kind.lower() for kind in KINDS)):
        for mapping in mappings(schemas.load(name)):
            assert mapping.get("readOnly") or mapping.get("additionalProperties") is False or "propertyNames" in mapping
