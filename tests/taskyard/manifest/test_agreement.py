"""Properties: the fast and the explaining validator never disagree, and what is accepted can be used."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskyard.kinds import KINDS, Kind
from taskyard.manifest import accepts, read_object, to_yaml, validate
from taskyard.manifest.explain import explained_as_valid
from taskyard.manifest.misplaced import fields
from taskyard.manifest.schema_check import schema_errors
from taskyard.objects import Task
from taskyard.objects.normal import normalize
from taskyard.quantity import byte_count, cpu_millis, seconds

FULL: dict[Kind, dict[str, Any]] = {
    "Task": {
        "apiVersion": "taskyard/v1",
        "kind": "Task",
        "metadata": {"name": "web", "labels": {"a/b": "c"}, "annotations": {}},
        "spec": {
            "image": "r:5000/a/b:c",
            "command": ["a"],
            "args": ["b"],
            "env": {"A": "b"},
            "ports": [
                {"container": 80, "host": "auto", "name": "http"},
                {"container": 81, "host": 8081, "address": "127.0.0.1"},
            ],
            "volumes": [
                {"name": "data", "target": "/d"},
                {"type": "tmpfs", "target": "/t", "size": "1Mi"},
                {"type": "host", "path": "/srv", "target": "/s"},
                {"type": "secret", "name": "db", "target": "/k", "mode": "0400", "owner": "1:2", "onChange": "restart"},
            ],
            "envFrom": {"B": {"field": "ports.http"}, "C": {"secret": "a", "key": "b"}},
            "process": {
                "init": True,
                "shmSize": "1Mi",
                "ulimits": {"nofile": {"soft": 1, "hard": 2}},
                "sysctls": {"net.core.somaxconn": "1"},
            },
            "network": {
                "mode": "bridge",
                "group": "shop",
                "hostname": "web",
                "dns": {"servers": ["10.0.0.1"], "searches": ["a.b"], "options": ["ndots:2"]},
                "extraHosts": {"db": "10.0.0.2"},
            },
            "security": {"readOnlyRoot": True, "capAdd": ["NET_RAW"], "capDrop": ["ALL"]},
            "limits": {
                "cpu": "none",
                "memory": "128Mi",
                "swap": "1Mi",
                "pids": 5,
                "io": {"weight": 10, "readRate": "1Mi", "readOps": 5},
            },
            "logs": {"maxSize": "1Mi", "maxFiles": 2},
            "resources": {"cpu": 1, "memory": "64Mi", "disk": "1Gi"},
            "restart": {
                "policy": "never",
                "exitCodes": {"never": [1], "always": [2]},
                "backoff": {"initial": "1s", "jitter": 0.5},
            },
            "stop": {"signal": "SIGINT"},
            "nodeSelector": {"a": "b"},
            "dependsOn": [{"kind": "Job", "name": "a", "condition": "completed", "timeout": "1m"}],
            "hooks": {"postStart": {"command": ["a"]}, "preStop": {"command": ["b"], "timeout": "1s"}},
            "checks": {
                "startup": {"tcp": {"port": 80}, "interval": "1s"},
                "liveness": {"http": {"port": 80, "path": "/a"}},
                "readiness": {"command": ["a"], "failures": 2},
            },
            "healthCheck": {"command": ["a"], "interval": "1s"},
            "containerLabels": {"a": "b"},
            "sidecars": [{"name": "s", "start": "after", "checks": {"liveness": {"tcp": {"port": 80}, "delay": "1s"}}}],
            "init": [{"name": "a", "image": "b", "command": ["c"], "args": ["d"], "env": {"E": "f"}}],
        },
        "binding": {"node": "n", "epoch": 1, "specHash": "x"},
        "status": {},
    },
    "Service": {
        "apiVersion": "taskyard/v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {
            "mode": "replicated",
            "replicas": 3,
            "paused": False,
            "template": {
                "metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}},
                "spec": {
                    "image": "a",
                    "ports": [{"container": 80}],
                    "resources": {"memory": "64Mi"},
                    "metrics": [{"name": "queue_length", "port": 9100, "path": "/a", "labels": {"queue": "mail"}}],
                },
            },
            "update": {
                "order": "start-first",
                "parallelism": 2,
                "maxUnavailable": 1,
                "maxSurge": 1,
                "minReady": "1s",
                "progressDeadline": "1m",
                "onFailure": "rollback",
                "canary": {"percent": 10, "promoteAfter": "5m"},
            },
            "history": 3,
            "autoscale": {
                "min": 2,
                "max": 5,
                "memory": 60,
                "metrics": [{"name": "queue_length", "target": 0.5}],
                "stabilization": {"up": "10s", "down": "5m"},
            },
        },
        "status": {},
    },
    "Cron": {
        "apiVersion": "taskyard/v1",
        "kind": "Cron",
        "metadata": {"name": "nightly"},
        "spec": {
            "schedule": "0 3 * * *",
            "timeZone": "Europe/Berlin",
            "startingDeadline": "1h",
            "overlap": "forbid",
            "suspend": False,
            "history": {"succeeded": 1, "failed": 1},
            "template": {"spec": {"completions": 2, "template": {"spec": {"image": "a"}}}},
        },
        "status": {},
    },
    "Job": {
        "apiVersion": "taskyard/v1",
        "kind": "Job",
        "metadata": {"name": "resize"},
        "spec": {
            "completions": 5,
            "parallelism": 5,
            "suspend": False,
            "guarantee": "at-least-once",
            "allOrNothing": True,
            "retry": {
                "limit": 3,
                "perIndex": 2,
                "maxFailedIndexes": 1,
                "backoff": {"initial": "1s", "max": "1m"},
                "exitCodes": {"failJob": [1], "failIndex": [2], "ignore": [3]},
            },
            "activeDeadline": "1h",
            "ttlAfterFinish": "1h",
            "success": {"indexes": "0-2,4", "count": 2},
            "keepTasks": 3,
            "parameters": {"required": ["A"], "optional": ["B"], "payload": "required"},
            "template": {"spec": {"image": "a", "restart": {"policy": "on-failure"}}},
        },
        "status": {},
    },
    "Secret": {
        "apiVersion": "taskyard/v1",
        "kind": "Secret",
        "metadata": {"name": "db"},
        "spec": {"data": {"password": "a", "b.c": ""}},
        "status": {},
    },
    "Config": {
        "apiVersion": "taskyard/v1",
        "kind": "Config",
        "metadata": {"name": "app"},
        "spec": {"data": {"app.conf": "a"}},
        "status": {},
    },
    "Namespace": {"apiVersion": "taskyard/v1", "kind": "Namespace", "metadata": {"name": "shop"}, "spec": {}},
    "Volume": {
        "apiVersion": "taskyard/v1",
        "kind": "Volume",
        "metadata": {"name": "My_data.1"},
        "spec": {"node": "n1", "removedWith": "0f3a9c51d2b7"},
        "status": {},
    },
    "Node": {
        "apiVersion": "taskyard/v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "spec": {"labels": {"a": "b"}, "taints": [{"key": "a", "value": "b"}], "cordoned": False},
        "status": {},
    },
}
NAMES = sorted({name for kind in KINDS for _, name, _ in fields(kind)} | {"containers", "A B", "taskyard/x", "a\n", ""})
WORDS = (
    "", "a", "web", "Web", "web\n", "wéb", "web٣", "-web", "a" * 64, "taskyard/v1", "Task", "Node",
    "auto", "auto\n", "80", "8080:80", "tcp", "TCP", "/", "/d", "/d/", "/d/../e", "d", "data", "a:b", "1000:1000",
    "512Mi", "512Mi\n", "512MB", "0", "1", "0.0001", "10m", "9m", "٥", "1e3", "1m30s", "30s1m", "10s", "1000000000h",
    "ms", "always", "never", "SIGTERM", "SIGTERM\n", "tmpfs", "volume", "bind", "nginx", "Nginx", "nginx\n", "nginx:\n",
    "a..b", "\x00", "a\x00b", "\u2028", "😀", "taskyard/uid", "NoSchedule", "A=b", "0f3a9c51d2b7", "_", ".",
    "a_b", "a b",
)  # fmt: skip
NUMBERS = (
    0,
    1,
    -1,
    80,
    65535,
    65536,
    80.0,
    0.5,
    1.5,
    -0.0,
    1e-7,
    2**31,
    2**53,
    2**63 - 1,
    -(2**63) + 1,
    1e300,
    0.1 + 0.2,
)
SCALARS = st.one_of(
    st.sampled_from(WORDS), st.sampled_from(NUMBERS), st.booleans(), st.none(), st.text(max_size=8), st.integers(-9, 99)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, *WORDS]), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    found: list[tuple[Any, Any]] = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += [(value, key), *_places(inner)]
    return found


@st.composite
def manifests(draw: st.DrawFn) -> tuple[Kind, Any]:
    """A manifest that uses every field, with a few parts replaced, removed or added."""
    kind: Kind = draw(st.sampled_from(KINDS))
    data = deepcopy(FULL[kind])
    for _ in range(draw(st.integers(0, 3))):
        container, key = draw(st.sampled_from(_places(data)))
        match draw(st.sampled_from(("replace", "replace", "replace", "remove", "add"))):
            case "replace":
                container[key] = draw(VALUES)
            case "remove":
                del container[key]
            case _ if isinstance(container, dict):
                container[draw(st.sampled_from([*NAMES, *WORDS]))] = draw(VALUES)
            case _:
                container.append(draw(VALUES))
        if not _places(data):
            break
    return kind, data


@settings(max_examples=600, suppress_health_check=list(HealthCheck), derandomize=True)
@given(manifests())
def test_the_validators_agree_and_what_is_accepted_can_be_used(case: tuple[Kind, Any]) -> None:
    kind, data = case
    assert (not schema_errors(data, kind)) == explained_as_valid(data, kind)
    problems = validate(data)
    assert accepts(data) == (not problems)
    assert all(problem.message for problem in problems)
    assert len({(problem.path, problem.message) for problem in problems}) == len(problems)
    if not problems:
        value = read_object(data)
        assert not validate(data | {"spec": data.get("spec", {})})
        if isinstance(value, Task):
            assert normalize(value.spec) == value.spec


@settings(max_examples=300, derandomize=True)
@given(VALUES)
def test_anything_at_all_is_explained(data: Any) -> None:
    assert validate(data)
    assert validate({"apiVersion": "taskyard/v1", "kind": "Task", "metadata": data, "spec": data})


def _quantity_texts() -> st.SearchStrategy[str]:
    part = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,4})?", fullmatch=True)
    unit = st.sampled_from(
        ("", "m", "Ki", "Mi", "Gi", "Ti", "k", "M", "G", "T", "h", "s", "ms", "g", "MB", " Mi", "\n", "٣")
    )
    return st.lists(st.tuples(part, unit), min_size=0, max_size=3).map(lambda all_: "".join(a + b for a, b in all_))


def _is(read: Any, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


@settings(max_examples=400, derandomize=True)
@given(_quantity_texts() | st.sampled_from(WORDS))
def test_a_schema_s_quantities_are_the_ones_that_can_be_read(text: str) -> None:
    for field, read in (("cpu", cpu_millis), ("memory", byte_count)):
        manifest = {
            "apiVersion": "taskyard/v1",
            "kind": "Task",
            "metadata": {"name": "a"},
            "spec": {"image": "a", "resources": {field: text}},
        }
        assert (not schema_errors(manifest, "Task")) == _is(read, text)
    manifest["spec"] = {"image": "a", "stop": {"gracePeriod": text}}
    assert (not schema_errors(manifest, "Task")) == _is(seconds, text)
    manifest["spec"] = {"image": "a", "onNodeLoss": {"after": text}}
    assert (not schema_errors(manifest, "Task")) == _is(seconds, text)


@settings(max_examples=250, derandomize=True)
@given(VALUES)
def test_what_is_accepted_survives_its_own_yaml(data: Any) -> None:
    from taskyard.manifest import parse_yaml

    (document,) = parse_yaml(to_yaml({"value": data}), "a.yaml")
    assert document.data == {"value": data}
