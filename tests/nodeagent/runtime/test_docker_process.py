"""How a task's program is run, seen from within: spec.process, spec.network and envFrom on a real Docker."""

from __future__ import annotations

import pytest

from nodeagent.preparation import Preparation
from nodeagent.runtime.port import ContainerState, RuntimeRefused
from tests.nodeagent.runtime.conftest import RealTasks

pytestmark = pytest.mark.docker


def test_an_init_process_is_the_first(tasks: RealTasks) -> None:
    assert "init" in tasks.prints("cat /proc/1/comm", process={"init": True})
    assert "init" not in tasks.prints("cat /proc/1/comm")


def test_a_terminal(tasks: RealTasks) -> None:
    script = "test -t 1 && echo terminal || echo none"
    assert tasks.prints(script, process={"tty": True}) == "terminal"
    assert tasks.prints(script) == "none"


def test_limits_and_settings_of_the_kernel(tasks: RealTasks) -> None:
    said = tasks.prints(
        "ulimit -Sn; ulimit -Hn; ulimit -Hc; grep processes /proc/self/limits | tr -s ' ' | cut -d' ' -f3;"
        " cat /proc/sys/net/core/somaxconn;"
        " df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2",
        process={
            # Podman sets one of processes where none is asked for, and higher than some hosts allow.
            "ulimits": {"nofile": {"soft": 1000, "hard": 2000}, "core": {"soft": 0}, "nproc": {"soft": 9000}},
            "sysctls": {"net.core.somaxconn": "321"},
            "shmSize": "8Mi",
        },
    )
    assert said.split() == ["1000", "2000", "0", "9000", "321", "8192"]


def test_names_and_resolver(tasks: RealTasks) -> None:
    said = tasks.prints(
        "hostname; cat /etc/resolv.conf; grep db /etc/hosts",
        network={
            "hostname": "shop",
            "dns": {"servers": ["10.0.0.53"], "searches": ["shop.example.com"], "options": ["ndots:2"]},
            "extraHosts": {"db.example.com": "10.0.0.7"},
        },
    )
    lines = [line.split() for line in said.splitlines()]
    assert lines == [
        ["shop"],
        ["search", "shop.example.com"],
        ["nameserver", "10.0.0.53"],
        ["options", "ndots:2"],
        ["10.0.0.7", "db.example.com"],
    ]


def test_variables_from_the_task_s_own_fields(tasks: RealTasks) -> None:
    names = ("node", "name", "namespace", "uid", "epoch", "attempt")
    chosen = tasks.runtime.free_port("tcp")
    container = tasks.start(
        {
            "command": ["sh", "-c", "echo $NODE $NAME $NAMESPACE $UID_ $EPOCH $ATTEMPT $FIXED $AUTO; sleep 1000"],
            "envFrom": {name.upper() if name != "uid" else "UID_": {"field": name} for name in names}
            | {"FIXED": {"field": "ports.fixed"}, "AUTO": {"field": "ports.auto"}},
            "ports": [
                {"container": 80, "host": (fixed := tasks.runtime.free_port("tcp")), "name": "fixed"},
                {"container": 81, "host": "auto", "name": "auto"},
            ],
        },
        Preparation(ports={(81, "tcp"): chosen}),
    )
    found = tasks.runtime.inspect(container)
    assert found is not None
    assert found.state is ContainerState.RUNNING
    assert {port.container: port.host for port in found.ports} == {80: fixed, 81: chosen}
    env = dict(pair.split("=", 1) for pair in tasks.client.inspect_container(container)["Config"]["Env"])
    assert (env["NODE"], env["NAME"], env["NAMESPACE"], env["EPOCH"], env["ATTEMPT"]) == ("n1", "web", "shop", "3", "2")
    assert (env["UID_"], env["FIXED"], env["AUTO"]) == (env["TASKYARD_UID"], str(fixed), str(chosen))


def test_what_the_kernel_does_not_take_is_refused_with_its_reason(tasks: RealTasks) -> None:
    container = tasks.create({"process": {"sysctls": {"net.ipv4.ip_local_port_range": "nonsense"}}})
    with pytest.raises(RuntimeRefused, match="ip_local_port_range"):
        tasks.runtime.start(container)


def test_a_stop_signal_and_grace_period_are_the_container_s_own(tasks: RealTasks) -> None:
    container = tasks.create({"stop": {"signal": "SIGUSR1", "gracePeriod": "7s"}})
    found = tasks.runtime.inspect(container)
    assert found is not None
    assert (found.stop_signal, found.stop_grace) == ("SIGUSR1", 7)


def test_a_program_runs_in_its_folder_as_its_user(tasks: RealTasks) -> None:
    assert tasks.prints('echo "$(pwd) $(id -u):$(id -g)"', workdir="/tmp", user="1234:5678") == "/tmp 1234:5678"


def test_arguments_and_variables_reach_the_program_as_they_are_written(tasks: RealTasks) -> None:
    spec = {"command": ["sh", "-c", 'echo "$0|$1|$A"'], "args": ["a b", "$HOME"], "env": {"A": "x=y 'z'"}}
    assert tasks.output(spec) == "a b|$HOME|x=y 'z'\n"
