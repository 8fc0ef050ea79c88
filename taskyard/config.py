"""Where to listen, which etcd, who am I: flags > environment > TOML file > defaults, for every process and command.

`resolve` is pure and names the origin of each bad value; `load` reads the file. What only one command knows (a file to
apply, a label of a node) is that command's own flag and is not here.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from taskyard.endpoint import endpoint, host_name, name_list, port_number
from taskyard.node_name import node_name
from taskyard.quantity import byte_count, seconds

STRATEGIES = ("spread", "binpack")
ROLES = ("api", "scheduler", "controllers")
NEVER = "never"
"""Instead of a limit on what has finished: it stays."""
_SHORTEST_HISTORY = 600.0
_NAME = re.compile(r"[0-9a-z]([0-9a-z.-]*[0-9a-z])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Settings:
    """The values with their defaults; each field is a flag (`--allowed-hosts`) and a key of the TOML file."""

    host: str = "127.0.0.1"
    """The API's host: to listen on for the control plane, to talk to for the command line."""
    port: int = 8080
    """The API's port; 0 makes the control plane pick a free one."""
    etcd: tuple[str, ...] = ("127.0.0.1:2379",)
    """Endpoints, `host:port`, of one cluster."""
    node: str = ""
    """The agent's node name; empty: made of the machine's host name."""
    roles: tuple[str, ...] = ROLES
    """What this control plane process does."""
    manifests: str = ""
    """A folder to watch and apply; empty: none."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides localhost by which the API may be called; the guard against DNS rebinding refuses others."""
    strategy: str = "spread"
    """How tasks that name no strategy are placed: `spread` or `binpack`."""
    publish_dns: str = ""
    """A DNS zone under which services are published in etcd for CoreDNS; empty: not."""
    publish_traefik: str = ""
    """The root key under which services are published in etcd for Traefik; empty: not."""
    history: float = 86_400.0
    """Seconds of etcd's history that the leading controllers keep; older revisions are compacted."""
    history_size: int = 2**30
    """Bytes of etcd's database in use above which less history is kept."""
    ttl_after_finish: float | None = 7 * 86_400.0
    """Seconds after they have ended tasks and jobs are deleted that, like their namespace, say nothing; None: never."""
    keep_finished: int | None = 1000
    """Of those as many as are kept in a namespace, the newest; None: all."""


class ConfigError(ValueError):
    """`problems`: each names the flag, the variable or the file and key that the bad value came from."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def resolve(
    flags: Mapping[str, object], environ: Mapping[str, str], file: Mapping[str, object], file_name: str = "the file"
) -> Settings:
    """Settings from the first that gives each: `flags` (None: not given; underscores), `environ`, `file` (hyphens).

    Raises ConfigError with every problem at once.
    """
    problems: list[str] = []
    chosen: dict[str, Any] = {}
    for name, option in _OPTIONS.items():
        given = _first_given(name, option, flags, environ, file, file_name)
        if given is None:
            continue
        origin, value = given
        try:
            chosen[name] = option.read(value)
        except ValueError as error:
            problems.append(f"{origin}: {error}")
    problems += [f"{file_name}: {_unknown(key)}" for key in file if key not in _KEYS]
    if problems:
        raise ConfigError(problems)
    return Settings(**chosen)


def load(flags: Mapping[str, object], environ: Mapping[str, str], path: str | None = None) -> Settings:
    """As `resolve`, with the file that `path` or TASKYARD_CONFIG names; without either there is none."""
    name = path or environ.get("TASKYARD_CONFIG", "")
    return resolve(flags, environ, read_file(name) if name else {}, name)


def read_file(name: str) -> dict[str, object]:
    """The TOML file's content; ConfigError when it cannot be read or is not TOML."""
    try:
        return tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{name}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{name}: is not UTF-8 text: {error.reason} at byte {error.start}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{name}: is not TOML: {error}"]) from error


@dataclass(frozen=True, slots=True)
class _Option:
    read: Callable[[object], Any]
    environment: tuple[str, ...] = ()


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{value!r} is not text")
    return value


def _endpoints(value: object) -> tuple[str, ...]:
    return tuple(endpoint(item, default_port=2379) for item in name_list(value))


def _roles(value: object) -> tuple[str, ...]:
    roles = name_list(value)
    for role in roles:
        if role not in ROLES:
            raise ValueError(f"{role!r} is not a role: choose from {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in roles)


def _hosts(value: object) -> tuple[str, ...]:
    return tuple(host_name(item) for item in name_list(value))


def _strategy(value: object) -> str:
    if value not in STRATEGIES:
        raise ValueError(f"{value!r} is not a strategy: choose from {', '.join(STRATEGIES)}")
    return str(value)


def _zone(value: object) -> str:
    zone = host_name(value).rstrip(".")
    if not _NAME.fullmatch(zone):
        raise ValueError(f"{value!r} is not a DNS zone: write one like taskyard.local")
    return zone


def _root_key(value: object) -> str:
    key = _text(value)
    if not _NAME.fullmatch(key):
        raise ValueError(f"{value!r} is not a root key: write a word, as in Traefik's own --providers.etcd.rootkey")
    return key


def _history(value: object) -> float:
    kept = seconds(value) if isinstance(value, str | int | float) else 0.0
    if kept < _SHORTEST_HISTORY:
        raise ValueError(f"{value!r} is too short: watches and plans need {_SHORTEST_HISTORY / 60:.0f} minutes (10m)")
    return kept


def _size(value: object) -> int:
    if not isinstance(value, str | int):
        raise ValueError(f"{value!r} is not a size: write one like 1Gi")
    return byte_count(value)


def _ttl(value: object) -> float | None:
    if value == NEVER:
        return None
    if not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a duration: write one like 24h, or {NEVER}")
    return seconds(value)


def _count(value: object) -> int | None:
    if value == NEVER:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,7}", str(value), re.ASCII):
        raise ValueError(f"{value!r} is not a number of objects: write one like 1000, or {NEVER}")
    return int(str(value))


_OPTIONS: dict[str, _Option] = {
    "host": _Option(host_name, ("TASKYARD_HOST", "ORCHESTRATION_HOST")),
    "port": _Option(port_number, ("TASKYARD_PORT", "ORCHESTRATION_PORT")),
    "etcd": _Option(_endpoints, ("TASKYARD_ETCD",)),
    "node": _Option(node_name, ("TASKYARD_NODE",)),
    "roles": _Option(_roles, ("TASKYARD_ROLES",)),
    "manifests": _Option(_text, ("TASKYARD_MANIFESTS",)),
    "allowed_hosts": _Option(_hosts, ("TASKYARD_ALLOWED_HOSTS",)),
    "strategy": _Option(_strategy, ("TASKYARD_STRATEGY",)),
    "publish_dns": _Option(_zone, ("TASKYARD_PUBLISH_DNS",)),
    "publish_traefik": _Option(_root_key, ("TASKYARD_PUBLISH_TRAEFIK",)),
    "history": _Option(_history, ("TASKYARD_HISTORY",)),
    "history_size": _Option(_size, ("TASKYARD_HISTORY_SIZE",)),
    "ttl_after_finish": _Option(_ttl, ("TASKYARD_TTL_AFTER_FINISH",)),
    "keep_finished": _Option(_count, ("TASKYARD_KEEP_FINISHED",)),
}
_KEYS = [name.replace("_", "-") for name in _OPTIONS]
assert list(_OPTIONS) == [field.name for field in fields(Settings)]


def _first_given(
    name: str,
    option: _Option,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    file: Mapping[str, object],
    file_name: str,
) -> tuple[str, object] | None:
    """The value that counts, with where it came from. An empty variable counts as not set."""
    if flags.get(name) not in (None, ()):
        return f"--{name.replace('_', '-')}", flags[name]
    for variable in option.environment:
        if environ.get(variable):
            return f"environment variable {variable}", environ[variable]
    key = name.replace("_", "-")
    return (f"{file_name}: {key}", file[key]) if key in file else None


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key.replace("_", "-"), _KEYS, n=1)
    return f"there is no setting {key!r}" + (f"; did you mean {near[0]!r}?" if near else f": {', '.join(_KEYS)}")
