"""The cluster by hand: a prompt that breaks and mends things, and a door into each host for the usual tools."""

from __future__ import annotations

import cmd
import os
import sys
from collections.abc import Callable
from pathlib import Path

from chaos.cluster import Cluster
from chaos.daemon import Daemon
from chaos.host import API_PORT, Host
from chaos.network import Cut
from taskyard.local.errors import LocalError

_CUTS: dict[str, Cut] = {"both": "both", "in": "in", "out": "out"}


def door(cluster: Cluster, host: Host) -> Path:
    return cluster.folder / f"on-{host.name}"


def write_doors(cluster: Cluster) -> None:
    """A script for each host that runs a command inside it, with the environment that the tools there want."""
    tools = Path(sys.executable).parent
    for host in cluster.hosts:
        plane = host if host.has_plane else cluster.planes[0]
        settings = {
            "DOCKER_HOST": host.docker_host,
            "TASKYARD_HOST": plane.ip,
            "TASKYARD_PORT": str(API_PORT),
            "ETCDCTL_API": "3",
            "ETCDCTL_ENDPOINTS": ",".join(host.endpoints),
            "PATH": f"{tools}:{os.environ.get('PATH', '')}",
        }
        lines = [f"export {name}='{value}'" for name, value in settings.items()]
        path = door(cluster, host)
        path.write_text("\n".join(["#!/bin/sh", *lines, " ".join(["exec", *host.namespace.inside(), '"$@"']), ""]))
        path.chmod(0o755)


class Prompt(cmd.Cmd):
    prompt = "chaos> "

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._cluster = cluster
        h1 = door(cluster, cluster.hosts[0])
        self.intro = f"""
Three hosts are up after {cluster.started_in:.0f} s: h1, h2 and h3, each with dockerd, etcd and an agent; h1 and h2 with
a control plane, too. Look around from another terminal; {h1} runs a command on h1 (as do on-h2 and on-h3):

  {h1} taskyard get nodes
  {h1} taskyard apply -f manifests/hello.yaml
  {h1} etcdctl get --prefix /taskyard/v1/ --keys-only
  {h1} docker ps
  {h1} curl -s http://{cluster.hosts[0].ip}:{API_PORT}/metrics
  tail -f {cluster.folder}/h*/agent.log

Break things here: `status`, `cut h3`, `cut h3 in`, `heal h3`, `kill h1 controlplane`, `pause h2 dockerd`, `resume …`,
`start …`, `repair` (which also deletes all tasks); the programs are dockerd, etcd, agent and controlplane. Ctrl-D or
Ctrl-C ends all of it."""

    def do_status(self, _: str) -> None:
        """Which programs run, and who leads."""
        for daemon in self._cluster.daemons:
            print(f"  {daemon.name:<20} {'frozen' if daemon.frozen else 'runs' if daemon.running else 'does not run'}")
        etcd = self._cluster.etcd_leader()
        print(f"  etcd's leader: {etcd.name if etcd else 'none'}")
        try:
            plane = self._cluster.plane_leader()
            print(f"  the scheduler: {plane.name if plane else 'none'}")
        except AssertionError as error:
            print(f"  the scheduler: not known ({error})")

    def do_cut(self, line: str) -> None:
        """cut HOST [both|in|out]: drops its packets; `in`: nothing reaches it, but what it sends arrives."""
        name, _, how = line.partition(" ")
        self._with_host(name, lambda host: host.cut(_CUTS[how.strip() or "both"]))

    def do_heal(self, line: str) -> None:
        """heal HOST"""
        self._with_host(line, Host.heal)

    def do_kill(self, line: str) -> None:
        """kill HOST PROGRAM: SIGKILL"""
        self._with_daemon(line, Daemon.kill)

    def do_pause(self, line: str) -> None:
        """pause HOST PROGRAM: SIGSTOP"""
        self._with_daemon(line, Daemon.pause)

    def do_resume(self, line: str) -> None:
        """resume HOST PROGRAM: SIGCONT"""
        self._with_daemon(line, Daemon.resume)

    def do_start(self, line: str) -> None:
        """start HOST PROGRAM, after a kill"""
        self._with_daemon(line, Daemon.start)

    def do_repair(self, _: str) -> None:
        """Heals and starts everything, and deletes all tasks."""
        self._cluster.repair()

    def do_EOF(self, _: str) -> bool:
        """Ends all of it."""
        print()
        return True

    def emptyline(self) -> bool:
        return False

    def onecmd(self, line: str) -> bool:
        try:
            return super().onecmd(line)
        except (LocalError, AssertionError, KeyError) as error:
            print(f"  that did not work: {error}")
            return False

    def _with_host(self, name: str, action: Callable[[Host], object]) -> None:
        found = next((host for host in self._cluster.hosts if host.name == name.strip()), None)
        if found is None:
            print("  which host? h1, h2 or h3")
            return
        action(found)

    def _with_daemon(self, line: str, action: Callable[[Daemon], object]) -> None:
        name, _, program = line.partition(" ")

        def act(host: Host) -> None:
            known = {"dockerd": host.dockerd, "etcd": host.etcd, "agent": host.agent}
            known |= {"controlplane": host.controlplane} if host.has_plane else {}
            if program.strip() not in known:
                print(f"  which program? {', '.join(known)}")
                return
            action(known[program.strip()])

        self._with_host(name, act)
