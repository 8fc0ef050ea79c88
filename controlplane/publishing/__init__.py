"""Endpoints for others to read from etcd: names for CoreDNS's etcd plugin, servers and routers for Traefik."""

from controlplane.publishing.controller import Publisher
from controlplane.publishing.records import Formats, owner_of, records

__all__ = ["Formats", "Publisher", "owner_of", "records"]
