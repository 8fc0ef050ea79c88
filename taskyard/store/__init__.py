"""The store: a protocol, etcd and memory behind it, and what is built on it (informer, elector, leases)."""
