"""Configurations of HAProxy and Caddy that send requests to where services are reached. Pure.

What a task stops answering between two reads of the configuration is asked of another one: both are told to try again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from taskyard.annotations import HTTP_HOST, HTTP_PORT
from taskyard.client.views import EndpointPortView, EndpointsView

_HOST = re.compile(r"(\*\.)?[0-9A-Za-z]([0-9A-Za-z.-]{0,251}[0-9A-Za-z])?", re.ASCII)


def haproxy(services: Sequence[EndpointsView], bind: str) -> str:
    """Requests go to the service whose `taskyard/http-host` they name, else to the first that has none."""
    return "\n".join([*_haproxy_head(services, bind), *(line for each in services for line in _backend(each)), ""])


def caddy(services: Sequence[EndpointsView], bind: str) -> str:
    """A Caddyfile, by host names likewise; only the first service without any is reached by all others."""
    blocks = [_site(each, hosts_of(each)) for each in services if hosts_of(each)]
    rest = _default(services)
    if rest is not None:
        blocks.append(_site(rest, [f"http://{bind}"]))
    return "\n".join(line for block in blocks for line in block)


PROXIES: dict[str, Callable[[Sequence[EndpointsView], str], str]] = {"haproxy": haproxy, "caddy": caddy}


def hosts_of(service: EndpointsView) -> list[str]:
    """What is no host name is left out: in a configuration it would be read as the proxy's own words."""
    said = service.metadata.annotations.get(HTTP_HOST, "").split(",")
    return [host for each in said if _HOST.fullmatch(host := each.strip())]


def servers_of(service: EndpointsView) -> list[tuple[str, EndpointPortView]]:
    """By task; of each the port that the annotation names, else the first that is TCP."""
    wanted = service.metadata.annotations.get(HTTP_PORT, "")
    found = []
    for endpoint in service.endpoints:
        ports = [port for port in endpoint.ports if port.protocol == "tcp"]
        chosen = next((port for port in ports if wanted in ("", port.name, str(port.container))), None)
        if chosen is not None:
            found.append((endpoint.task, chosen))
    return found


def _haproxy_head(services: Sequence[EndpointsView], bind: str) -> Iterator[str]:
    yield "defaults"
    yield "    mode http"
    yield "    timeout connect 2s"
    yield "    timeout client 60s"
    yield "    timeout server 60s"
    yield "    retries 3"
    yield "    option redispatch 1"
    yield "    retry-on conn-failure empty-response response-timeout"
    yield ""
    yield "frontend taskyard"
    yield f"    bind {bind}"
    for each in services:
        if hosts := hosts_of(each):
            yield f"    use_backend {_name(each)} if {{ hdr(host),field(1,:) -i {' '.join(hosts)} }}"
    rest = _default(services)
    if rest is not None:
        yield f"    default_backend {_name(rest)}"
    yield ""


def _backend(service: EndpointsView) -> Iterator[str]:
    yield f"backend {_name(service)}"
    yield "    balance roundrobin"
    for task, port in servers_of(service):
        yield f"    server {task} {_address(port)}"
    yield ""


def _site(service: EndpointsView, names: list[str]) -> list[str]:
    to = " ".join(_address(port) for _, port in servers_of(service))
    if not to:
        return [f"{', '.join(names)} {{", "\trespond 503", "}", ""]
    return [
        f"{', '.join(names)} {{",
        f"\treverse_proxy {to} {{",
        "\t\tlb_policy round_robin",
        "\t\tlb_try_duration 5s",
        "\t\tlb_try_interval 100ms",
        "\t}",
        "}",
        "",
    ]


def _default(services: Sequence[EndpointsView]) -> EndpointsView | None:
    return next((each for each in services if not each.metadata.annotations.get(HTTP_HOST)), None)


def _name(service: EndpointsView) -> str:
    return f"{service.metadata.namespace}_{service.metadata.name}"


def _address(port: EndpointPortView) -> str:
    return f"[{port.address}]:{port.port}" if ":" in port.address else f"{port.address}:{port.port}"
