"""Flags win over the environment, the environment over the file, the file over the defaults; errors name the origin."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskyard.config import ConfigError, Settings, load, resolve


def test_defaults() -> None:
    assert resolve({}, {}, {}) == Settings()
    assert (Settings().host, Settings().port, Settings().etcd) == ("127.0.0.1", 8080, ("127.0.0.1:2379",))


@pytest.mark.parametrize(
    ("flags", "environ", "file", "port"),
    [
        pytest.param({"port": 1}, {"TASKYARD_PORT": "2", "ORCHESTRATION_PORT": "3"}, {"port": 4}, 1, id="flag"),
        pytest.param({"port": None}, {"TASKYARD_PORT": "2", "ORCHESTRATION_PORT": "3"}, {"port": 4}, 2, id="variable"),
        pytest.param({}, {"ORCHESTRATION_PORT": "3"}, {"port": 4}, 3, id="the seed's variable"),
        pytest.param({}, {"TASKYARD_PORT": ""}, {"port": 4}, 4, id="file, past an empty variable"),
        pytest.param({}, {}, {}, 8080, id="default"),
    ],
)
def test_order(flags: dict[str, object], environ: dict[str, str], file: dict[str, object], port: int) -> None:
    assert resolve(flags, environ, file).port == port


def test_zero_from_a_flag_counts_as_given() -> None:
    assert resolve({"port": 0}, {"TASKYARD_PORT": "9000"}, {}).port == 0


def test_a_later_source_that_is_overruled_need_not_be_right() -> None:
    assert resolve({"port": 1}, {"TASKYARD_PORT": "many"}, {}).port == 1


@pytest.mark.parametrize(
    ("given", "endpoints"),
    [
        pytest.param("a:1,b:2", ("a:1", "b:2"), id="commas"),
        pytest.param(" a:1 , b ", ("a:1", "b:2379"), id="spaces and no port"),
        pytest.param("http://a:1/", ("a:1",), id="http"),
        pytest.param("[::1]:2379", ("[::1]:2379",), id="IPv6"),
        pytest.param("[::1]", ("[::1]:2379",), id="IPv6 without a port"),
        pytest.param("::1", ("[::1]:2379",), id="IPv6 without brackets"),
    ],
)
def test_endpoints(given: str, endpoints: tuple[str, ...]) -> None:
    assert resolve({}, {"TASKYARD_ETCD": given}, {}).etcd == endpoints


@pytest.mark.parametrize(
    ("flags", "environ", "file", "parts"),
    [
        pytest.param({"port": 99999}, {}, {}, ["--port: 99999 is not a port"], id="flag"),
        pytest.param({}, {"TASKYARD_PORT": "x"}, {}, ["environment variable TASKYARD_PORT: 'x'"], id="variable"),
        pytest.param({}, {"ORCHESTRATION_HOST": "a b"}, {}, ["variable ORCHESTRATION_HOST: 'a b'"], id="alias"),
        pytest.param({}, {}, {"port": True}, ["t.toml: port: True is not a port"], id="file"),
        pytest.param({}, {}, {"prot": 1}, ["t.toml: there is no setting 'prot'", "'port'"], id="unknown key"),
        pytest.param({}, {}, {"allowed_hosts": ["a"]}, ["did you mean 'allowed-hosts'"], id="underscore"),
        pytest.param({}, {"TASKYARD_ETCD": "a,,b"}, {}, ["TASKYARD_ETCD", "empty item"], id="empty endpoint"),
        pytest.param({}, {"TASKYARD_ETCD": "https://a:1"}, {}, ["TASKYARD_ETCD", "TLS"], id="https"),
        pytest.param({}, {"TASKYARD_HOST": "a:1"}, {}, ["TASKYARD_HOST: 'a:1' is not a host"], id="port in the host"),
        pytest.param({"roles": "api,sheduler"}, {}, {}, ["--roles: 'sheduler' is not a role"], id="role"),
        pytest.param({"node": "Web_01"}, {}, {}, ["--node: 'Web_01' is not a node's name: write 1 to"], id="node"),
        pytest.param({"port": "x"}, {"TASKYARD_HOST": "?"}, {"a": 1}, ["--port", "TASKYARD_HOST", "'a'"], id="all"),
    ],
)
def test_errors_name_the_origin(
    flags: dict[str, object], environ: dict[str, str], file: dict[str, object], parts: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(flags, environ, file, "t.toml")
    for part in parts:
        assert part in str(caught.value)


def test_roles_are_in_one_order() -> None:
    assert resolve({"roles": ("controllers", "api")}, {}, {}).roles == ("api", "controllers")


def test_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text('host = "10.0.0.1"\netcd = ["a:1", "b:2"]\nallowed-hosts = ["yard.example"]\n')
    settings = load({}, {"TASKYARD_CONFIG": str(path)})
    assert settings == Settings(host="10.0.0.1", etcd=("a:1", "b:2"), allowed_hosts=("yard.example",))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param(b"port = \n", "is not TOML", id="syntax"),
        pytest.param(b'host = "\xff"', "is not UTF-8", id="bytes"),
    ],
)
def test_a_bad_file(tmp_path: Path, content: bytes | None, part: str) -> None:
    path = tmp_path / "t.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load({}, {}, str(path))
    assert str(path) in str(caught.value)
    assert part in str(caught.value)
